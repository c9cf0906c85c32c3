"""WSGI: the keys that the blog adds to the environ, and complete responses (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# The exception to raise when the request is refused.
REFUSAL = "blog.refusal"
# The time at which the request was complete, by `time.perf_counter`.
RECEIVED_AT = "blog.received_at"
# False where the gateway can retry the request; the application sets it to True to have it retried.
RETRY = "blog.retry"
# Set when the client waits for `100 Continue`. The application responds with status 100 to accept
# the request before its body is read, and with any other status to refuse it.
EXPECTS_CONTINUE = "blog.expects_continue"
# The lookup in the response cache, and what the access log records of the response.
CACHE_LOOKUP = "blog.cache_lookup"
LOG_ENTRY = "blog.log_entry"

# The server would otherwise name itself in each response.
_SERVER = (b"server", b"blog")


class WholeResponse(NamedTuple):
    """A complete response of the application, in the form that an ASGI server takes."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def call(application: Application, environ: Environ) -> WholeResponse:
    """Call a WSGI application and collect its response (PEP 3333)."""
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
    encoded = [_encode(name, value) for name, value in headers]
    return WholeResponse(status, [*encoded, _SERVER], body)


@lru_cache(maxsize=1024)
def _encode(name: str, value: str) -> tuple[bytes, bytes]:
    """A header field in bytes, cached because most fields are the same in every response."""
    return name.encode("latin-1"), value.encode("latin-1")
