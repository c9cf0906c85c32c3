"""An application whose responses are compared with those of the response cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blog.app import create_cache
from blog.gateway.response_cache import ResponseCache
from blog.http.application import Application
from blog.http.wsgi import CACHE_LOOKUP, RETRY, Environ, WholeResponse, call
from blog.settings import Settings

_CACHED = ("200", "304", "404")
# The header that differs in each response.
_REQUEST_ID = b"X-Request-Id"


class Comparing:
    """Middleware that repeats each read with the response cache and without it, and compares."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app.wsgi_app
        # The repeated requests are not logged.
        app.extensions["blog.observers"] = []
        self._cache: ResponseCache = create_cache(app, settings)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        statuses: list[str] = []

        def start(status: str, *more: Any) -> Any:
            statuses.append(status[:3])
            return start_response(status, *more)

        copy = dict(environ)
        body = self._app(environ, start)
        # An error is not cached, and would be logged each time.
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") and statuses[0] in _CACHED:
            self._compare(copy)
        return body

    def close(self) -> None:
        """Close the cache's connection to the database."""
        self._cache.close()

    def _compare(self, environ: Environ) -> None:
        state = self._cache.state()
        first = self._copy(environ)
        cached = self._cache.find(first, state)
        if CACHE_LOOKUP not in first:
            return
        if cached is None:
            self._cache.respond(first)
            cached = self._cache.find(self._copy(environ), state)
        if cached is not None and state == self._cache.state():
            assert _comparable(cached) == _comparable(call(self._app, self._copy(environ)))

    @staticmethod
    def _copy(environ: Environ) -> Environ:
        return {**environ, RETRY: True, "blog.received_at": 0.0}


def _comparable(response: WholeResponse) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers = sorted(header for header in response.headers if header[0] != _REQUEST_ID)
    return response.status, headers, response.body
