"""A whole answer, as a WSGI application gives it and as it can be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

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
