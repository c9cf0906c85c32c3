"""What a browser must not do with an answer, whatever is in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Flask, Response, request

from blog.http.routes import resource

# Nothing that is answered loads, runs, frames or submits anything.
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_A_YEAR = "max-age=31536000"


def install(app: Flask, own: str | None) -> None:
    """Say it on every answer, errors included.

    ``own`` is the origin of the blog; without it, the one that a request was sent to.
    """
    app.after_request(partial(_set_headers, own))


def _set_headers(own: str | None, response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Cross-Origin-Resource-Policy"] = _resource_policy()
    if (own or request.scheme).partition(":")[0] == "https":
        response.headers["Strict-Transport-Security"] = _A_YEAR
    return response


def _resource_policy() -> str:
    """Who may embed it: anyone what anyone may read, and nobody else the rest.

    That is what needed credentials, and what is for the operator.
    """
    own = "Authorization" in request.headers or getattr(resource(), "any_host", False)
    return "same-origin" if own else "cross-origin"
