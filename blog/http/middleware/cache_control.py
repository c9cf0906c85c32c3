"""Cache-Control and Vary: how caches may store and reuse a response (RFC 9111)."""

from __future__ import annotations

from flask import Flask

from blog.http.application import Response
from blog.http.request import current_request
from blog.http.request_target import READ_METHODS

_VARY = "Accept, Accept-Encoding, Authorization"


def install(app: Flask) -> None:
    """Send both in every response, errors included."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    # Other middleware adds to it.
    response.headers.add("Vary", _VARY)
    response.constants += (("Cache-Control", _cache_control(response)),)
    return response


def _cache_control(response: Response) -> str:
    request = current_request()
    if response.status_code >= 400 or request.method not in READ_METHODS:
        return "no-store"
    if not getattr(request.resource, "cacheable", True):
        return "no-store"
    # With no-cache a cache stores the response, and validates it before each reuse.
    shared = "private" if request.has_credentials else "public"
    return f"{shared}, no-cache"
