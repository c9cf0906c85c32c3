"""An application whose every answer to a reader is compared with the one that a cache gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blog.app import create_cache
from blog.gateway.response_cache import ResponseCache
from blog.http.application import Application
from blog.http.wsgi import CACHE_LOOKUP, RETRY, Environ, WholeResponse, call
from blog.settings import Settings

_KEPT = ("200", "304", "404")
# What differs from request to request.
OWN = b"X-Request-Id"


class Comparing:
    """Middleware that has each question to a cache answered three times: with and without it."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app.wsgi_app
        # What is asked more often than a client has asked is not logged.
        app.extensions["blog.observers"] = []
        self._cache: ResponseCache = create_cache(app, settings)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        statuses: list[str] = []

        def start(status: str, *more: Any) -> Any:
            statuses.append(status[:3])
            return start_response(status, *more)

        asked = dict(environ)
        body = self._app(environ, start)
        # An error is not kept, and is logged however often it is asked for.
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") and statuses[0] in _KEPT:
            self._compare(asked)
        return body

    def close(self) -> None:
        """Keep no connection."""
        self._cache.close()

    def _compare(self, environ: Environ) -> None:
        state = self._cache.state()
        first = self._copy(environ)
        kept = self._cache.find(first, state)
        if CACHE_LOOKUP not in first:
            return
        if kept is None:
            self._cache.respond(first)
            kept = self._cache.find(self._copy(environ), state)
        if kept is not None and state == self._cache.state():
            assert _shown(kept) == _shown(call(self._app, self._copy(environ)))

    @staticmethod
    def _copy(environ: Environ) -> Environ:
        return {**environ, RETRY: True, "blog.received_at": 0.0}


def _shown(answer: WholeResponse) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers = sorted(header for header in answer.headers if header[0] != OWN)
    return answer.status, headers, answer.body
