"""The ASGI application that receives whole requests and has a WSGI application respond to them.

In ASGI a slow client costs a few kilobytes of memory; in WSGI a request occupies a thread. So a
request gets a thread only when it has been received completely.
"""

from __future__ import annotations

import asyncio
import signal
from asyncio import CancelledError
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

from werkzeug.exceptions import (
    HTTPException,
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
    ServiceUnavailable,
)

from blog.gateway.constant_responses import ConstantResponses
from blog.gateway.environ import attach_body, make_environ
from blog.gateway.request_body import Receive, RequestBodies
from blog.gateway.response_body import ResponseSender, Send
from blog.gateway.response_cache import CacheLookup, ResponseCache
from blog.http.request_head import awaits_continue, declared_length, has_body
from blog.http.request_target import READ_METHODS
from blog.http.retry_after import BUSY
from blog.http.wsgi import (
    CACHE_LOOKUP,
    EXPECTS_CONTINUE,
    RECEIVED_AT,
    REFUSAL,
    RETRY,
    Application,
    Environ,
    WholeResponse,
    call,
)

_CLOSE = (b"connection", b"close")
# The grace period in which keep-alive clients get `Connection: close`, before the server stops.
_GRACE_SECONDS = 0.5
# The pauses, in seconds, before a request is called again that asked for a retry.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8
# A head that is too long is refused after this delay. A hundred clients that repeat such requests
# then leave most of the worker's time to others.
_TOO_LONG = (RequestHeaderFieldsTooLarge, RequestURITooLarge)
_TOO_LONG_SECONDS = 0.5
# uvloop loses a signal that arrives between the start of the application and the run of the
# server, so signals to stop are blocked until this many seconds after the start.
_STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
_BLOCKED_SECONDS = 0.1
# Needs no database, and so none of the threads that wait for it.
_LIVENESS = "/health/live"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a worker process.

    ``threads`` requests are served at once; others wait up to ``queue_timeout`` seconds. A request
    body has at most ``max_body`` bytes, all together ``request_bytes``; all response bodies have
    together ``response_bytes``. A client has ``transfer_timeout`` seconds per MiB, either way.
    """

    threads: int
    max_body: int
    request_bytes: int
    response_bytes: int
    queue_timeout: float
    transfer_timeout: float


class Gateway:
    """An ASGI application in front of a WSGI application."""

    def __init__(
        self,
        application: Application,
        bounds: Bounds,
        cache: ResponseCache | None = None,
        constants: ConstantResponses | None = None,
    ) -> None:
        """Take the application, and the stores of its responses, if there are any."""
        self._application = application
        self._bounds = bounds
        self._cache = cache
        self._constants = constants
        self._respond_in_thread = cache.respond if cache else self._call
        # Responses being made for the cache, for which equal requests wait.
        self._pending: dict[Hashable, asyncio.Event] = {}
        self._knows_state = False
        self._known_state: Hashable | None = None
        self._on_stop: list[Callable[[], None]] = []
        self._on_end: list[Callable[[], None]] = []
        self._stopping = False
        self._threads = ThreadPoolExecutor(bounds.threads, "request")
        # For responses that need no database: errors and liveness. On the event loop they would
        # block all other requests.
        self._quick_thread = ThreadPoolExecutor(1, "quick")
        self._bodies = RequestBodies(bounds.max_body, bounds.request_bytes, bounds.transfer_timeout)
        self._sender = ResponseSender(bounds.response_bytes, bounds.transfer_timeout)

    def share(self, memory: memoryview) -> None:
        """Share the detection of writes with the other processes of this node in this memory."""
        if self._cache:
            self._cache.share(memory)

    def block_stop_signals(self) -> None:
        """Defer signals to stop until the process serves."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Register a callback for when the process receives SIGTERM, before the server stops."""
        self._on_stop.append(callback)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Register a callback for when all requests are done, before the process ends."""
        self._on_end.append(callback)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve a request, or the lifespan of the process (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        else:
            response = await self._respond(make_environ(scope), receive)
            await self._send(response, send, scope["client"])
            if response.status == HTTPStatus.REQUEST_TIMEOUT:
                # The rest of the body may never come.
                self._sender.disconnect(scope["client"])

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.call_later(_BLOCKED_SECONDS, signal.pthread_sigmask, signal.SIG_UNBLOCK, _STOP_SIGNALS)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._threads.shutdown()
        self._quick_thread.shutdown()
        for callback in self._on_end:
            callback()
        await send({"type": "lifespan.shutdown.complete"})

    def _stop(self) -> None:
        """Announce the end of connections to clients for a grace period, then stop the server.

        The server closes idle connections at once, even if a request is on its way.
        """
        self._stopping = True
        for callback in self._on_stop:
            callback()
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, signal.raise_signal, signal.SIGINT)

    async def _respond(self, environ: Environ, receive: Receive) -> WholeResponse:
        if REFUSAL in environ:
            return await self._refuse_head(environ)
        if not has_body(environ):
            return await self._serve(environ)
        if awaits_continue(environ) and (refused := await self._refuse_expectation(environ)):
            return _with_close(refused)
        try:
            # Unauthenticated requests cannot write, so their body is drained.
            discard = "HTTP_AUTHORIZATION" not in environ
            async with self._bodies.receive(receive, discard) as body:
                attach_body(environ, body)
                return await self._serve(environ)
        except HTTPException as error:
            return await self._refuse(environ, error)

    async def _refuse_head(self, environ: Environ) -> WholeResponse:
        environ[RECEIVED_AT] = perf_counter()
        if isinstance(environ[REFUSAL], _TOO_LONG):
            await asyncio.sleep(_TOO_LONG_SECONDS)
        response = await self._call_in_quick_thread(self._call, environ)
        return _with_close(response) if has_body(environ) else response

    async def _refuse_expectation(self, environ: Environ) -> WholeResponse | None:
        """The error response before the body is read; None if the request may continue.

        Granian sends `100 Continue` when the body is first read.
        """
        environ[RECEIVED_AT] = perf_counter()
        if declared_length(environ) > self._bounds.max_body:
            return await self._refuse(environ, RequestEntityTooLarge())
        response = await self._call_with_retry({**environ, EXPECTS_CONTINUE: True})
        if response is None:
            return await self._refuse(environ, _overload())
        return None if response.status == HTTPStatus.CONTINUE else response

    async def _serve(self, environ: Environ) -> WholeResponse:
        """The response to a request that has been received completely."""
        environ[RECEIVED_AT] = perf_counter()
        if _checks_liveness(environ):
            return await self._confirm_liveness(environ)
        return await self._find_or_make(environ) or await self._refuse(environ, _overload())

    async def _find_or_make(self, environ: Environ) -> WholeResponse | None:
        """The stored response, or a new one; None if no thread was free in time."""
        if self._cache is None or (state := self._state(self._cache)) is None:
            return await self._call_with_retry(environ)
        if response := self._cache.find(environ, state):
            return response
        lookup: CacheLookup | None = environ.get(CACHE_LOOKUP)
        if lookup is None:
            return await self._call_with_retry(environ)
        return await self._make_once(environ, lookup, self._cache)

    def _state(self, cache: ResponseCache) -> Hashable | None:
        """The state of the database, read once for all requests that have been received by now.

        The event loop runs callbacks in the order in which they were scheduled. So a request that
        is served before the state is forgotten was received before the state was read. If each
        request read the state, a cached post would take 29 % longer with 16 clients.
        """
        if not self._knows_state:
            asyncio.get_running_loop().call_soon(self._forget_state)
            self._known_state, self._knows_state = cache.state(), True
        return self._known_state

    def _forget_state(self) -> None:
        self._knows_state = False

    async def _make_once(
        self, environ: Environ, lookup: CacheLookup, cache: ResponseCache
    ) -> WholeResponse | None:
        """Make a response for the cache; equal requests wait for it instead of making their own."""
        if pending := self._pending.get(lookup[:2]):
            await pending.wait()
            return cache.find_again(environ) or await self._call_with_retry(environ)
        pending = self._pending[lookup[:2]] = asyncio.Event()
        try:
            return await self._call_with_retry(environ)
        finally:
            del self._pending[lookup[:2]]
            pending.set()

    async def _call_with_retry(self, environ: Environ) -> WholeResponse | None:
        """Call the application in a thread until it does not ask for a retry; None on timeout.

        When too many clients sign in at once, some wait here, where they occupy no thread.
        """
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._bounds.queue_timeout, _FIRST_PAUSE
        while (timeout := end - loop.time()) > 0:
            environ[RETRY] = False
            response = await self._call_in_thread(environ, timeout)
            if not environ[RETRY]:
                return response
            environ["wsgi.input"].seek(0)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    async def _call_in_thread(self, environ: Environ, timeout: float) -> WholeResponse | None:
        job = self._threads.submit(self._respond_in_thread, environ)
        # Does nothing once the job has begun.
        timer = asyncio.get_running_loop().call_later(timeout, job.cancel)
        try:
            return await asyncio.wrap_future(job)
        except CancelledError:
            return None
        finally:
            timer.cancel()

    async def _confirm_liveness(self, environ: Environ) -> WholeResponse:
        """The response to a liveness probe, which is stored for each cache key."""
        if self._constants is None:
            return await self._call_in_quick_thread(self._call, environ)
        stored = self._constants.find(environ)
        return stored or await self._call_in_quick_thread(self._constants.respond, environ)

    async def _refuse(self, environ: Environ, refusal: HTTPException) -> WholeResponse:
        """Have the application make the response for an error."""
        environ |= {REFUSAL: refusal, RETRY: False}
        return await self._call_in_quick_thread(self._call, environ)

    def _call(self, environ: Environ) -> WholeResponse:
        return call(self._application, environ)

    async def _call_in_quick_thread(
        self, respond: Callable[[Environ], WholeResponse], environ: Environ
    ) -> WholeResponse:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._quick_thread, respond, environ)

    async def _send(self, response: WholeResponse, send: Send, client: tuple[str, str]) -> None:
        headers = [*response.headers, _CLOSE] if self._stopping else response.headers
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await self._sender.send(response.body, send, client)


def _checks_liveness(environ: Environ) -> bool:
    """Whether a request is a liveness probe, without credentials that would need the database."""
    reads = environ["REQUEST_METHOD"] in READ_METHODS
    return reads and environ["PATH_INFO"] == _LIVENESS and "HTTP_AUTHORIZATION" not in environ


def _overload() -> HTTPException:
    return ServiceUnavailable("the server is busy", retry_after=BUSY)


def _with_close(response: WholeResponse) -> WholeResponse:
    """The response with `Connection: close`, so that an unread body is not taken for a request."""
    return response._replace(headers=[*response.headers, _CLOSE])
