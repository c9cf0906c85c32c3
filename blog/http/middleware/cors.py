"""What browsers let the pages of other origins do here: read, and write where they are named.

Credentials that a browser adds by itself are never let through: a page has to know them.
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
# What a page may see of an answer, beside what it always may.
_EXPOSED = (
    *("Accept-Patch", "Accept-Post", "Allow", "Content-Location", "ETag", "Link", "Location"),
    *("Preference-Applied", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
)
# What is not asked for by OPTIONS is answered alike, whoever asks.
_ALIKE = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", ", ".join(_EXPOSED)),
)
# The operator's own are for no page.
_PUBLIC = re.compile(r"/(?!health/|metrics$)")
# No page asks whether it may send more than this; to look through it would take long.
_LONGEST_QUESTION = 1024
# Two hours; no browser of today keeps a permission longer than a day, and some no longer than this.
_SECONDS = 7200


_permission = partial(
    cross_origin,
    expose_headers=_EXPOSED,
    max_age=_SECONDS,
    send_wildcard=True,
    automatic_options=False,
)


@_permission(methods=READ_METHODS, allow_headers=_READING_HEADERS)
def _permit_reading(response: Response) -> Response:
    """Permit what the client asks whether it may, if that is to read."""
    return response


@_permission(methods=READ_METHODS | WRITE_METHODS, allow_headers=_WRITING_HEADERS)
def _permit_writing(response: Response) -> Response:
    """Permit what the client asks whether it may."""
    return response


def install(app: Flask, writers: Collection[str]) -> None:
    """Let pages of every origin read, errors too, and those of some origins write."""
    app.after_request(partial(_permit, writers))


def _shorten(environ: dict[str, Any]) -> None:
    name = "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"
    if len(environ.get(name, "")) > _LONGEST_QUESTION:
        del environ[name]


def _permit(writers: Collection[str], response: Response) -> Response:
    request = current_request()
    if request.method == "OPTIONS":
        return _answer_options(writers, request, response)
    # Flask-CORS would find out anew for each answer that they are all alike.
    if _PUBLIC.match(request.path):
        response.constants += _ALIKE
    return response


def _answer_options(writers: Collection[str], request: Request, response: Response) -> Response:
    """Permit a writer to write, and others to read; only that depends on who asks."""
    _shorten(request.environ)
    if writers and "Access-Control-Request-Method" in request.headers:
        response.vary.add("Origin")
        if request.headers.get("Origin") in writers:
            return _permit_writing(response)
    return _permit_reading(response) if _PUBLIC.match(request.path) else response
