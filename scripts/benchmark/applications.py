"""The applications that the blog is compared with: they return 1 KB and do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from blog.gateway.gateway import Bounds, Gateway
from blog.http.wsgi import Application
from blog.settings import read_settings

ANSWER = b"x" * 1024


def floor(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """A WSGI application that does as little as possible."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1024")])
    return [ANSWER]


def create_floor() -> Gateway:
    """Make the simplest application that `blog serve` could serve."""
    return _behind_gateway(floor)


def create_flask() -> Gateway:
    """Make a Flask application with a single route."""
    app = Flask("bare", static_folder=None)
    app.add_url_rule("/", view_func=lambda: ANSWER)
    return _behind_gateway(app)


def _behind_gateway(application: Application) -> Gateway:
    settings = read_settings()
    bounds = Bounds(
        threads=settings.threads,
        max_body=settings.max_body,
        request_bytes=settings.max_body,
        response_bytes=settings.max_body,
        queue_timeout=settings.queue_timeout,
        transfer_timeout=settings.transfer_timeout,
    )
    return Gateway(application, bounds)
