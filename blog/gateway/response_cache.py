"""The cache of responses, for requests without credentials.

A stored response is valid while the database is in the same state and no scheduled post has been
published since. Both are checked for each request, so that no response is older than the last
acknowledged write.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from werkzeug.http import unquote_etag

from blog.database.change_detection import ChangeDetector
from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.gateway.cache_keys import CacheKey, CacheKeys
from blog.http.conditional import parse_entity_tags
from blog.http.middleware.access_log import LogEntry, new_request_id
from blog.http.wsgi import CACHE_LOOKUP, LOG_ENTRY, Application, Environ, WholeResponse, call
from blog.storage.schedule import next_publication
from blog.storage.tables import PUBLIC_TABLES

_STORED_STATUSES = frozenset({200, 304, 404})
# The one header that is different in each response.
_REQUEST_ID = b"X-Request-Id"
# Headers that describe a body, which 304 does not have.
_BODY_HEADERS = frozenset(
    {b"Content-Type", b"Content-Length", b"Content-Encoding", b"Last-Modified", b"Link"}
)
# The memory that an entry takes in addition to its texts, in bytes: tuples, strings, dict slots.
_OVERHEAD = 2048

# Called with each response that is served from a cache, its request, and the new request id.
Observer = Callable[[LogEntry, Environ, str], None]


class CacheLookup(NamedTuple):
    """The key that is looked up, the state of the database, and the time."""

    key: CacheKey
    state: Hashable
    now: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored response, its entry in the access log, for what it was made, and when it expires."""

    response: WholeResponse
    log_entry: LogEntry
    lookup: CacheLookup
    expires: datetime | None

    def is_valid(self, lookup: CacheLookup) -> bool:
        """Whether the application would give the same response now."""
        if self.lookup.state != lookup.state or lookup.now < self.lookup.now:
            return False
        return self.expires is None or lookup.now < self.expires

    def size(self) -> int:
        """The memory that the entry takes, in bytes."""
        texts = (*self.lookup.key, self.log_entry.target, self.response.body)
        headers = sum(len(name) + len(value) for name, value in self.response.headers)
        return _OVERHEAD + headers + sum(len(text) for text in texts if text)


class ResponseCache:
    """The responses that one process stores, up to a number of bytes."""

    def __init__(
        self,
        application: Application,
        keys: CacheKeys,
        database: Database,
        *,
        now: Callable[[], datetime],
        capacity: int,
        observers: Sequence[Observer],
    ) -> None:
        self._application = application
        self._keys = keys
        self._database = database
        self._now = now
        self._observers = observers
        self._detector: ChangeDetector = database.change_detector(PUBLIC_TABLES)
        self._entries: LRUCache[CacheKey, Entry] = LRUCache(capacity, Entry.size)
        self._lock = Lock()
        self._schedule: tuple[Hashable, datetime, datetime | None] | None = None

    def share(self, memory: memoryview) -> None:
        """Learn of writes by the other processes of this node through this shared memory."""
        self._database.change_token.share(memory)

    def state(self) -> Hashable | None:
        """The current state of the database; None if it is unknown."""
        return self._detector.state()

    def find(self, environ: Environ, state: Hashable) -> WholeResponse | None:
        """The stored response to a request, if it is valid in this state of the database.

        Otherwise the lookup is left in the environ for `respond`, if the response may be stored.
        """
        key = self._keys.make(environ)
        if key is None:
            return None
        environ[CACHE_LOOKUP] = CacheLookup(key, state, self._now())
        return self.find_again(environ)

    def find_again(self, environ: Environ) -> WholeResponse | None:
        """Repeat the lookup of `find`, after another request may have had the response stored."""
        entry = self._find(environ[CACHE_LOOKUP])
        return replay(entry.response, entry.log_entry, environ, self._observers) if entry else None

    def respond(self, environ: Environ) -> WholeResponse:
        """Have the application respond, and store the response if that is allowed."""
        response = call(self._application, environ)
        lookup: CacheLookup | None = environ.get(CACHE_LOOKUP)
        if lookup and response.status in _STORED_STATUSES:
            self._store(lookup, response, environ[LOG_ENTRY])
        return response

    def size(self) -> int:
        """The number of bytes that are stored."""
        return int(self._entries.currsize)

    def close(self) -> None:
        """Close the connection to the database; no entry is valid any more."""
        self._detector.close()

    def _find(self, lookup: CacheLookup) -> Entry | None:
        tags = lookup.key.tags
        with self._lock:
            entry = self._entries.get(lookup.key)
            if entry and entry.is_valid(lookup):
                return entry
            full = self._entries.get(lookup.key._replace(tags=None)) if tags else None
        if tags and full and full.is_valid(lookup):
            return _evaluate(full, tags)
        return None

    def _store(self, lookup: CacheLookup, response: WholeResponse, log_entry: LogEntry) -> None:
        try:
            expires = self._next_publication(lookup)
        except StorageUnavailable:
            # Without the database the state is unknown, and no entry would be found.
            return
        entry = Entry(without_request_id(response), log_entry, lookup, expires)
        # A post that was published while the response was made may or may not be in it.
        if entry.is_valid(lookup._replace(now=self._now())):
            with self._lock:
                if entry.size() <= self._entries.maxsize:
                    self._entries[lookup.key] = entry

    def _next_publication(self, lookup: CacheLookup) -> datetime | None:
        """The time of the next scheduled post, read once for each state of the database."""
        state, now = lookup.state, lookup.now
        if self._schedule is not None:
            known, since, until = self._schedule
            if known == state and since <= now and (until is None or now < until):
                return until
        with self._database.session("replica") as session:
            until = next_publication(session, now)
        self._schedule = (state, now, until)
        return until


def without_request_id(response: WholeResponse) -> WholeResponse:
    """A copy of a response to store, without the id of its request."""
    headers = [header for header in response.headers if header[0] != _REQUEST_ID]
    # The JSON writer allocates kilobytes more than the text needs; a copy does not.
    return WholeResponse(response.status, headers, bytes(memoryview(response.body)))


def replay(
    response: WholeResponse, log_entry: LogEntry, environ: Environ, observers: Sequence[Observer]
) -> WholeResponse:
    """A stored response as the response to another request, which is logged and counted."""
    request_id = new_request_id()
    for observe in observers:
        observe(log_entry, environ, request_id)
    return response._replace(headers=[*response.headers, (_REQUEST_ID, request_id.encode())])


def _evaluate(full: Entry, tags: str) -> Entry:
    """Evaluate If-None-Match against a stored response (RFC 9110 section 13.1.2)."""
    status, headers, _ = full.response
    etag = next((value.decode() for name, value in headers if name == b"ETag"), None)
    if status != 200 or etag is None or not _match(tags, etag):
        return full
    remaining = [header for header in headers if header[0] not in _BODY_HEADERS]
    log_entry = full.log_entry._replace(status=304, bytes=0)
    return Entry(WholeResponse(304, remaining, b""), log_entry, full.lookup, full.expires)


def _match(tags: str, etag: str) -> bool:
    return tags == etag or parse_entity_tags(tags).contain(unquote_etag(etag)[0] or "")
