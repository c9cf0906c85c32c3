"""Answers that are finished: kept for whoever asks the same, for as long as they are true.

What was kept is right while the database is in the same state and no scheduled post has appeared
since. Both are asked anew for each request, so that nobody sees what was, once a later write has
been acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from werkzeug.http import unquote_etag

from blog.database.change_detection import Freshness
from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.gateway.cache_keys import CacheKey, CacheKeys
from blog.http.entity_tags import parse_entity_tags
from blog.http.middleware.access_log import Access, new_request_id
from blog.http.wsgi import ACCESS, QUESTION, Answer, Application, Environ, call
from blog.storage.schedule import next_publication

_KEPT = frozenset({200, 304, 404})
# What each request has of its own.
_REQUEST_ID = b"X-Request-Id"
# What is said of a body, and so not by a 304.
_OF_A_BODY = frozenset(
    {b"Content-Type", b"Content-Length", b"Content-Encoding", b"Last-Modified", b"Link"}
)
# What an entry takes of memory beside what it says, in bytes: tuples, texts and their places.
_OVERHEAD = 2048

# Told of each answer that is given again: to which request, and under which id.
Witness = Callable[[Access, Environ, str], None]


class Question(NamedTuple):
    """What is asked, in which state of the database, and when."""

    key: CacheKey
    state: Hashable
    now: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, what the log says of it, what it was given to, and until when it is true."""

    answer: Answer
    access: Access
    question: Question
    until: datetime | None

    def answers(self, question: Question) -> bool:
        """Whether this is what the application would answer."""
        if self.question.state != question.state or question.now < self.question.now:
            return False
        return self.until is None or question.now < self.until

    def size(self) -> int:
        """How many bytes of memory it takes."""
        texts = (*self.question.key, self.access.target, self.answer.body)
        headers = sum(len(name) + len(value) for name, value in self.answer.headers)
        return _OVERHEAD + headers + sum(len(text) for text in texts if text)


class AnswerCache:
    """The answers that one process keeps, of so many bytes in all."""

    def __init__(
        self,
        application: Application,
        keys: CacheKeys,
        database: Database,
        now: Callable[[], datetime],
        capacity: int,
        witnesses: Sequence[Witness],
    ) -> None:
        self._application = application
        self._keys = keys
        self._database = database
        self._now = now
        self._witnesses = witnesses
        self._freshness: Freshness = database.freshness()
        self._entries: LRUCache[CacheKey, Entry] = LRUCache(capacity, Entry.size)
        self._lock = Lock()
        self._schedule: tuple[Hashable, datetime, datetime | None] | None = None

    def share(self, memory: memoryview) -> None:
        """Use the mark of this node, which is in this memory."""
        self._database.mark.share(memory)

    def state(self) -> Hashable | None:
        """In which state the database is, None where nobody knows."""
        return self._freshness.state()

    def look_up(self, environ: Environ, state: Hashable) -> Answer | None:
        """The answer to a request, where it is here and true of this state of the database.

        Otherwise what is asked stands in the environ, for `answer`.
        """
        key = self._keys.of(environ)
        if key is None:
            return None
        environ[QUESTION] = Question(key, state, self._now())
        return self.look_again(environ)

    def look_again(self, environ: Environ) -> Answer | None:
        """The answer that somebody else has asked for meanwhile, no less true than by `look_up`."""
        entry = self._find(environ[QUESTION])
        return give_again(entry.answer, entry.access, environ, self._witnesses) if entry else None

    def answer(self, environ: Environ) -> Answer:
        """Have the application answer, and keep that for others who ask the same."""
        answer = call(self._application, environ)
        question: Question | None = environ.get(QUESTION)
        if question and answer.status in _KEPT:
            self._keep(question, answer, environ[ACCESS])
        return answer

    def size(self) -> int:
        """How many bytes are kept."""
        return int(self._entries.currsize)

    def close(self) -> None:
        """Keep no connection; nothing is found any more."""
        self._freshness.close()

    def _find(self, question: Question) -> Entry | None:
        with self._lock:
            entry = self._entries.get(question.key)
            if entry and entry.answers(question):
                return entry
            tags = question.key.tags
            whole = self._entries.get(question.key._replace(tags=None)) if tags else None
        if tags and whole and whole.answers(question):
            return _compare(whole, tags)
        return None

    def _keep(self, question: Question, answer: Answer, access: Access) -> None:
        try:
            until = self._next_publication(question)
        except StorageUnavailable:
            # It has gone since it was read, and then nothing will be found here either.
            return
        entry = Entry(without_request_id(answer), access, question, until)
        # What appeared while this was made, may be in it or not.
        if entry.answers(question._replace(now=self._now())):
            with self._lock:
                if entry.size() <= self._entries.maxsize:
                    self._entries[question.key] = entry

    def _next_publication(self, question: Question) -> datetime | None:
        """When the next scheduled post appears: asked once for each state of the database."""
        state, now = question.state, question.now
        if self._schedule is not None:
            known, since, until = self._schedule
            if known == state and since <= now and (until is None or now < until):
                return until
        with self._database.session("replica") as session:
            until = next_publication(session, now)
        self._schedule = (state, now, until)
        return until


def without_request_id(answer: Answer) -> Answer:
    """An answer as it can be given again, which takes no more memory than it has to."""
    headers = [header for header in answer.headers if header[0] != _REQUEST_ID]
    # What writes JSON leaves kilobytes of room behind the text; a copy has none.
    return Answer(answer.status, headers, bytes(memoryview(answer.body)))


def give_again(
    answer: Answer, access: Access, environ: Environ, witnesses: Sequence[Witness]
) -> Answer:
    """An answer to another request, which has an id of its own and is logged and counted."""
    request_id = new_request_id()
    for witness in witnesses:
        witness(access, environ, request_id)
    return answer._replace(headers=[*answer.headers, (_REQUEST_ID, request_id.encode())])


def _compare(whole: Entry, tags: str) -> Entry:
    """The answer to a client that has what these entity-tags name (RFC 9110 section 13.1.2)."""
    status, headers, _ = whole.answer
    etag = next((value.decode() for name, value in headers if name == b"ETag"), None)
    if status != 200 or etag is None or not _has(tags, etag):
        return whole
    kept = [header for header in headers if header[0] not in _OF_A_BODY]
    access = whole.access._replace(status=304, bytes=0)
    return Entry(Answer(304, kept, b""), access, whole.question, whole.until)


def _has(tags: str, etag: str) -> bool:
    if tags == etag:
        return True
    return parse_entity_tags(tags).contain(unquote_etag(etag)[0] or "")
