"""What caches may do with an answer (RFC 9111), and what it depends on."""

from __future__ import annotations

from flask import Flask

from blog.http.application import Response
from blog.http.request import current_request
from blog.http.request_target import READ_METHODS

_VARY = "Accept, Accept-Encoding, Authorization"


def install(app: Flask) -> None:
    """Say it on every answer, errors included."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    # Others may add to it.
    response.headers.add("Vary", _VARY)
    response.constants += (("Cache-Control", _cache_control(response)),)
    return response


def _cache_control(response: Response) -> str:
    request = current_request()
    if response.status_code >= 400 or request.method not in READ_METHODS:
        return "no-store"
    if not getattr(request.resource, "cacheable", True):
        return "no-store"
    # With no-cache a cache keeps the answer and asks each time whether it is still right.
    shared = "private" if request.is_signed else "public"
    return f"{shared}, no-cache"
