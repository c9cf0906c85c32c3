"""WSGI: the keys of the environ that are the blog's own, and whole responses (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Keys of the environ, beside those of PEP 3333:
# the exception to raise, where the request is refused;
REFUSAL = "blog.refusal"
# when the request was received whole, by `time.perf_counter`;
RECEIVED = "blog.received"
# a list in the hands of the gateway, where it repeats a request that was answered too early;
AGAIN = "blog.again"
# whether the request is only to be admitted, before its body is read: the status 100 admits it and
# is sent to no client, any other response refuses it;
ADMISSION = "blog.admission"
# the key of the request in the cache, and what the access log says of its response.
QUESTION = "blog.question"
ACCESS = "blog.access"

# An answer says nothing of what made it.
_SERVER = (b"server", b"blog")


class Answer(NamedTuple):
    """An answer of the application, as the server takes it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def call(application: Application, environ: Environ) -> Answer:
    """What a WSGI application answers (PEP 3333)."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
        started[:] = int(status[:3]), headers

    chunks = application(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started
    return Answer(status, [*(_encode(name, value) for name, value in headers), _SERVER], body)


@lru_cache(maxsize=1024)
def _encode(name: str, value: str) -> tuple[bytes, bytes]:
    """A header field in bytes; most are the same in every answer, and so kept once."""
    return name.encode("latin-1"), value.encode("latin-1")
