"""What a browser must not do with an answer, whatever is in it."""

from __future__ import annotations

from functools import partial

from flask import Flask

from blog.http.application import Response
from blog.http.request import Request, current_request

# Nothing that is answered loads, runs, frames or submits anything.
_HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_OWN = (*_HEADERS, ("Cross-Origin-Resource-Policy", "same-origin"))
_PUBLIC = (*_HEADERS, ("Cross-Origin-Resource-Policy", "cross-origin"))
_A_YEAR = "max-age=31536000"


def install(app: Flask, own: str | None) -> None:
    """Say it on every answer, errors included.

    ``own`` is the origin of the blog; without it, the one that a request was sent to.
    """
    app.after_request(partial(_add_headers, own))


def _add_headers(own: str | None, response: Response) -> Response:
    request = current_request()
    response.constants += _OWN if _is_own(request) else _PUBLIC
    if (own or request.scheme).partition(":")[0] == "https":
        response.headers["Strict-Transport-Security"] = _A_YEAR
    return response


def _is_own(request: Request) -> bool:
    """Whether nobody else may embed it, as anyone may what anyone may read.

    That is what needed credentials, and what is for the operator.
    """
    return request.is_signed or bool(getattr(request.resource, "any_host", False))
