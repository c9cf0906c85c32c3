"""Security headers: what a browser must not do with a response, whatever its content."""

from __future__ import annotations

from functools import partial

from flask import Flask

from blog.http.application import Response
from blog.http.request import Request, current_request

# No response loads, runs, frames or submits anything.
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
    """Send them in every response, errors included.

    ``own`` is the origin of the blog; without it, it is the one that a request was sent to.
    """
    app.after_request(partial(_add_headers, own))


def _add_headers(own: str | None, response: Response) -> Response:
    request = current_request()
    response.constants += _OWN if _is_own(request) else _PUBLIC
    if (own or request.scheme).partition(":")[0] == "https":
        response.headers["Strict-Transport-Security"] = _A_YEAR
    return response


def _is_own(request: Request) -> bool:
    """Whether pages of other origins may not embed the response.

    They may not embed responses to requests with credentials, and resources for the operator.
    """
    return request.has_credentials or bool(getattr(request.resource, "any_host", False))
