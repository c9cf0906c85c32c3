"""What an answer depends on, for a caller without credentials: its cache key (RFC 9111 section 2).

Requests that differ in nothing of it get the same bytes, as long as the database stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException

from blog.http.compression import choose_coding
from blog.http.middleware.proxies import Believe
from blog.http.negotiation import choose
from blog.http.query_parameters import split_query
from blog.http.targets import has_one_spelling, names_host
from blog.http.wsgi import Environ

# What else an answer may depend on. Few requests have it, or those of one caller.
_SPECIAL = frozenset(
    {
        *("HTTP_AUTHORIZATION", "HTTP_PREFER"),
        *("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"),
    }
)
# What a key is made of. It is read on the event loop, so that its length in characters and the
# number of its parts are bounded.
_LOOKED_AT = (
    *("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    *("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_FORWARDED"),
    *(f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "HOST", "PORT", "PREFIX", "PROTO")),
)
_LONGEST = 1024
_MOST_PARTS = 64


class CacheKey(NamedTuple):
    """All that an answer depends on, but the database and the time.

    ``parameters`` are those of the query, written in one way. ``tags`` or ``date`` is by what a
    client tells which representation it has.
    """

    method: str
    scheme: str
    host: str
    prefix: str
    path: str
    parameters: str
    media_type: str
    coding: str | None
    tags: str | None
    date: str | None


class CacheKeys:
    """Makes the keys of the requests to an application."""

    def __init__(self, app: Flask, believe: Believe | None) -> None:
        """Take the application, and what believes the proxies before it, where there are any."""
        self._app = app
        self._believe = believe
        self._adapter = app.url_map.bind("")
        # Each request asks for it.
        self._offers = lru_cache(maxsize=4096)(self._find_offers)

    def of(self, environ: Environ) -> CacheKey | None:
        """The key of a request; None for one whose answer is not for everyone, or not for long."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not _SPECIAL.isdisjoint(environ):
            return None
        if not _is_short(environ):
            return None
        if self._believe:
            self._believe(environ)
        if not has_one_spelling(environ) or not names_host(environ):
            return None
        host, path, query = environ.get("HTTP_HOST"), environ["PATH_INFO"], environ["QUERY_STRING"]
        accept: str = environ.get("HTTP_ACCEPT", "").strip()
        codings: str = environ.get("HTTP_ACCEPT_ENCODING", "")
        tags: str | None = environ.get("HTTP_IF_NONE_MATCH")
        # Beside entity-tags a date counts for nothing (RFC 9110 section 13.1.3).
        date = None if tags is not None else environ.get("HTTP_IF_MODIFIED_SINCE")
        if not host:
            return None
        media_type = self._media_type(path, accept)
        if media_type is None:
            return None
        return CacheKey(
            environ["REQUEST_METHOD"],
            environ["wsgi.url_scheme"],
            host,
            environ["SCRIPT_NAME"],
            path,
            _parameters(query),
            media_type,
            choose_coding(codings),
            tags,
            date,
        )

    def _media_type(self, path: str, accept: str) -> str | None:
        """The media type that is negotiated, None where none is, or nothing is kept."""
        offers = self._offers(path)
        # Where there is nothing, nothing is negotiated yet.
        return accept if offers == () else choose(accept, offers) if offers else None

    def _find_offers(self, path: str) -> tuple[str, ...] | None:
        """What there is to choose from at a path, as WSGI writes it; None where nothing is kept."""
        try:
            endpoint, _ = self._adapter.match(path.encode("latin-1").decode(), "GET")
        except HTTPException:
            return ()
        resource = getattr(self._app.view_functions[endpoint], "view_class", None)
        if not resource or resource.depends_on_time:
            return None
        if not (resource.cacheable or resource.constant):
            return None
        offers: tuple[str, ...] = resource.produces
        return offers


def _is_short(environ: Environ) -> bool:
    """Whether a request is short enough to be read on the event loop."""
    text = "\n".join([environ[name] for name in _LOOKED_AT if name in environ])
    return len(text) <= _LONGEST and sum(map(text.count, ",;&/")) <= _MOST_PARTS


@lru_cache(maxsize=256)
def _parameters(query: str) -> str:
    # As one text, since many small things would take far more memory than a client has to send.
    return str(split_query(query.encode("latin-1"))) if query else ""
