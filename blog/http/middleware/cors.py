"""Cross-origin resource sharing: pages of all origins may read, and those of some may write.

Credentials that a browser attaches itself are not allowed: a page has to send them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Any

from flask import Flask
from flask_cors import cross_origin

from blog.http.application import Response
from blog.http.request import Request, current_request
from blog.http.request_target import READ_METHODS, WRITE_METHODS

_READING_HEADERS = (
    *("Accept", "Prefer"),
    *("If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since"),
)
_WRITING_HEADERS = (*_READING_HEADERS, "Authorization", "Content-Type", "Idempotency-Key")
# The response headers that a page may read, besides the safelisted ones.
_EXPOSED = (
    *("Accept-Patch", "Accept-Post", "Allow", "Content-Location", "ETag", "Link", "Location"),
    *("Preference-Applied", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
)
# The same for every origin, except in response to OPTIONS.
_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", ", ".join(_EXPOSED)),
)
# Health and metrics are for the operator only.
_PUBLIC = re.compile(r"/(?!health/|metrics$)")
# A longer Access-Control-Request-Headers is ignored, because parsing it takes long.
_MAX_LENGTH = 1024
# Two hours, which is the maximum of some browsers.
_MAX_AGE = 7200


_cross_origin = partial(
    cross_origin,
    expose_headers=_EXPOSED,
    max_age=_MAX_AGE,
    send_wildcard=True,
    automatic_options=False,
)


@_cross_origin(methods=READ_METHODS, allow_headers=_READING_HEADERS)
def _allow_reading(response: Response) -> Response:
    """Allow the request that a preflight announces if it reads."""
    return response


@_cross_origin(methods=READ_METHODS | WRITE_METHODS, allow_headers=_WRITING_HEADERS)
def _allow_writing(response: Response) -> Response:
    """Allow the request that a preflight announces."""
    return response


def install(app: Flask, writers: Collection[str]) -> None:
    """Let pages of every origin read, and those of the origins ``writers`` write."""
    app.after_request(partial(_allow, writers))


def _drop_long_header(environ: dict[str, Any]) -> None:
    name = "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"
    if len(environ.get(name, "")) > _MAX_LENGTH:
        del environ[name]


def _allow(writers: Collection[str], response: Response) -> Response:
    request = current_request()
    if request.method == "OPTIONS":
        return _allow_preflight(writers, request, response)
    # Flask-CORS would determine for each response that all are the same: with it, an uncached post
    # takes 19 % longer.
    if _PUBLIC.match(request.path):
        response.constants += _HEADERS
    return response


def _allow_preflight(writers: Collection[str], request: Request, response: Response) -> Response:
    """Allow writers to write and others to read; only this depends on the origin."""
    _drop_long_header(request.environ)
    if writers and "Access-Control-Request-Method" in request.headers:
        response.vary.add("Origin")
        if request.headers.get("Origin") in writers:
            return _allow_writing(response)
    return _allow_reading(response) if _PUBLIC.match(request.path) else response
