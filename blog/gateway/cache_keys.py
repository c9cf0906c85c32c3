"""The cache key of a request without credentials (RFC 9111 section 2).

Requests with the same key get the same response, as long as the database does not change.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException

from blog.http.compression import choose_coding
from blog.http.middleware.proxies import Rewrite
from blog.http.negotiation import choose
from blog.http.query_parameters import split_query
from blog.http.request_target import READ_METHODS, has_one_spelling, names_host
from blog.http.wsgi import Environ

# A request with one of these headers is not cached: few requests have one, or only one caller's.
_UNCACHED_FIELDS = frozenset(
    {
        *("HTTP_AUTHORIZATION", "HTTP_PREFER"),
        *("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"),
    }
)
# A key is made from these on the event loop, so the number of their characters and parts is
# limited.
_KEY_FIELDS = (
    *("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    *("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_FORWARDED"),
    *(f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "HOST", "PORT", "PREFIX", "PROTO")),
)
_MOST_CHARACTERS = 1024
_MOST_PARTS = 64


class CacheKey(NamedTuple):
    """Everything that a response depends on, except the database and the time.

    ``parameters`` are those of the query in canonical form. ``tags`` or ``date`` are the client's
    validator, from If-None-Match or If-Modified-Since.
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
    """Makes the cache keys of requests to an application."""

    def __init__(self, app: Flask, rewrite: Rewrite | None) -> None:
        """Take the application, and what applies the headers of trusted proxies, if any."""
        self._app = app
        self._rewrite = rewrite
        self._adapter = app.url_map.bind("")
        # Each request needs them.
        self._offers = lru_cache(maxsize=4096)(self._find_offers)

    def make(self, environ: Environ) -> CacheKey | None:
        """Make the key of a request; None if its response is not to be cached."""
        if not _may_be_cached(environ):
            return None
        if self._rewrite:
            self._rewrite(environ)
        host: str = environ.get("HTTP_HOST", "")
        if not host or not has_one_spelling(environ) or not names_host(environ):
            return None
        media_type = self._media_type(environ)
        if media_type is None:
            return None
        tags: str | None = environ.get("HTTP_IF_NONE_MATCH")
        return CacheKey(
            method=environ["REQUEST_METHOD"],
            scheme=environ["wsgi.url_scheme"],
            host=host,
            prefix=environ["SCRIPT_NAME"],
            path=environ["PATH_INFO"],
            parameters=_parameters(environ["QUERY_STRING"]),
            media_type=media_type,
            coding=choose_coding(environ.get("HTTP_ACCEPT_ENCODING", "")),
            tags=tags,
            # If-None-Match takes precedence over the date (RFC 9110 section 13.1.3).
            date=None if tags is not None else environ.get("HTTP_IF_MODIFIED_SINCE"),
        )

    def _media_type(self, environ: Environ) -> str | None:
        """The negotiated media type; None if none is acceptable, or nothing is to be cached."""
        accept: str = environ.get("HTTP_ACCEPT", "").strip()
        offers = self._offers(environ["PATH_INFO"])
        # The response to a path without a resource is not negotiated here.
        return accept if offers == () else choose(accept, offers) if offers else None

    def _find_offers(self, path: str) -> tuple[str, ...] | None:
        """The media types of a path: empty without a resource, None if it is not to be cached."""
        try:
            endpoint, _ = self._adapter.match(path.encode("latin-1").decode(), "GET")
        except HTTPException:
            return ()
        resource = getattr(self._app.view_functions[endpoint], "view_class", None)
        if not resource or resource.depends_on_time:
            return None
        if not (resource.cacheable or resource.constant):
            return None
        offers: tuple[str, ...] = resource.media_types()
        return offers


def _may_be_cached(environ: Environ) -> bool:
    reads = environ["REQUEST_METHOD"] in READ_METHODS
    return reads and _UNCACHED_FIELDS.isdisjoint(environ) and _is_short(environ)


def _is_short(environ: Environ) -> bool:
    """Whether a request is short enough to make its key on the event loop."""
    text = "\n".join([environ[name] for name in _KEY_FIELDS if name in environ])
    return len(text) <= _MOST_CHARACTERS and sum(map(text.count, ",;&/")) <= _MOST_PARTS


@lru_cache(maxsize=256)
def _parameters(query: str) -> str:
    # One string takes far less memory than many small objects.
    return str(split_query(query.encode("latin-1"))) if query else ""
