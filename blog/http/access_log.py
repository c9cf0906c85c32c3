"""One line for each request, with the id that a client is told when something breaks."""

from __future__ import annotations

import logging
import secrets
from time import perf_counter
from urllib.parse import quote

from flask import Flask, Response, g, request

logger = logging.getLogger("blog.access")


def install(app: Flask) -> None:
    """Log every request of the application."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of this request, in the log and in what the client is told."""
    return str(g.request_id)


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.started = perf_counter()


def _end(response: Response) -> Response:
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            '%s %s %s "%s %s" %d %s %.1fms',
            request_id(),
            request.remote_addr or "-",
            _caller_name(),
            request.method,
            _target(),
            response.status_code,
            response.content_length or 0,
            (perf_counter() - g.started) * 1000,
        )
    return response


def _caller_name() -> str:
    """Who was verified; a name that was only claimed is no fact for a log."""
    caller = g.get("caller")
    return quote(caller.name) if caller else "-"


def _target() -> str:
    """What was asked for, in ASCII: nothing a client sends can forge a line."""
    query = request.query_string.decode("ascii", "replace")
    return quote(request.path) + (f"?{quote(query, safe='=&%+,:/')}" if query else "")
