"""Responses that never change: each is made once, and repeated for requests that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from cachetools import LRUCache

from blog.gateway.cache_keys import CacheKey, CacheKeys
from blog.gateway.response_cache import Witness, give_again, without_request_id
from blog.http.middleware.access_log import Access
from blog.http.wsgi import ACCESS, Answer, Application, Environ, call

# Far more than the ways in which monitors ask; a request in another one only takes longer.
_MOST = 64


class ConstantAnswers:
    """The responses of an application for its constant resources."""

    def __init__(
        self, application: Application, keys: CacheKeys, witnesses: Sequence[Witness]
    ) -> None:
        self._application = application
        self._keys = keys
        self._witnesses = witnesses
        self._known: LRUCache[CacheKey, tuple[Answer, Access]] = LRUCache(_MOST)
        self._lock = Lock()

    def look_up(self, environ: Environ) -> Answer | None:
        """The response to a request, None where there was no request like it."""
        key = self._keys.of(environ)
        with self._lock:
            known = self._known.get(key) if key else None
        return give_again(*known, environ, self._witnesses) if known else None

    def answer(self, environ: Environ) -> Answer:
        """Have the application make the response, and store it unless it is an error."""
        key = self._keys.of(environ)
        answer = call(self._application, environ)
        if key and answer.status == 200:
            with self._lock:
                self._known[key] = without_request_id(answer), environ[ACCESS]
        return answer
