"""Between the server and the application: whole requests go in, whole answers come out.

The server speaks ASGI, where a client that takes its time costs a few kilobytes; the application is
WSGI, and has a thread for as long as it works. So a request gets one once it is here whole.
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

from flask import Flask
from werkzeug.exceptions import (
    HTTPException,
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
    ServiceUnavailable,
)

from blog.gateway.constant_responses import ConstantAnswers
from blog.gateway.environ import attach_body, find_fault, make_environ
from blog.gateway.request_body import Intake, Receive
from blog.gateway.response_body import Outbox, Send
from blog.gateway.response_cache import AnswerCache, Question
from blog.http.framing import awaits_continue, declared_length, has_body
from blog.http.request import current_request
from blog.http.wsgi import (
    ADMISSION,
    AGAIN,
    QUESTION,
    RECEIVED,
    REFUSAL,
    Answer,
    Application,
    Environ,
    call,
)

_RETRY_SECONDS = 1
_CLOSE = (b"connection", b"close")
# How long those who go on asking are told so before the connections end.
_NOTICE_SECONDS = 0.5
# In seconds, until a request is asked again that came too early.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8
# Heads that are too long are refused after this time, in seconds. A hundred clients that repeat
# them then leave most of the worker's time to other requests.
_TOO_LONG = (RequestHeaderFieldsTooLarge, RequestURITooLarge)
_TOO_LONG_SECONDS = 0.5
# What tells a process to stop. uvloop loses a signal that comes between the start of the
# application and the run of the server, so they wait until so many seconds after the start.
_STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
_BLOCKED_SECONDS = 0.1
# Answered without a look at the database, and so without one of its threads.
_LIVENESS = "/health/live"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a worker process takes upon itself.

    ``threads`` work at once; a request waits ``queue_seconds`` for one of them. A body has at
    most ``longest_body`` bytes, all bodies together ``intake``, and all answers ``outbox``. A
    client has ``transfer_seconds`` for each MiB that it sends or is sent.
    """

    threads: int
    longest_body: int
    intake: int
    outbox: int
    queue_seconds: float
    transfer_seconds: float


class Gateway:
    """An ASGI application that hands requests to a WSGI application."""

    def __init__(
        self,
        application: Application,
        bounds: Bounds,
        cache: AnswerCache | None = None,
        constants: ConstantAnswers | None = None,
    ) -> None:
        """Take the application, and perhaps answers that it need not give anew."""
        self._application = application
        self._cache = cache
        self._constants = constants
        self._answer_in_thread = cache.answer if cache else self._call
        # What is being answered for the first time, and whoever else asks the same waits for.
        self._running: dict[Hashable, asyncio.Event] = {}
        self._knows_state = False
        self._known_state: Hashable | None = None
        self._bounds = bounds
        self._on_stop: list[Callable[[], None]] = []
        self._on_end: list[Callable[[], None]] = []
        self._stopping = False
        self._threads = ThreadPoolExecutor(bounds.threads, "request")
        # For responses that need no database: errors, and whether the process lives. On the event
        # loop they would block all other requests.
        self._quick_thread = ThreadPoolExecutor(1, "quick")
        self._intake = Intake(bounds.longest_body, bounds.intake, bounds.transfer_seconds)
        self._outbox = Outbox(bounds.outbox, bounds.transfer_seconds)

    def share(self, memory: memoryview) -> None:
        """Tell the other processes of this node through some bytes of memory when one writes."""
        if self._cache:
            self._cache.share(memory)

    def hold_signals(self) -> None:
        """Let signals to stop wait until the process serves."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Have this called when the process is told to stop, before the server is."""
        self._on_stop.append(callback)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have this called when nothing is under way any more, before the process ends."""
        self._on_end.append(callback)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve a request, or the life of the process (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            answer = await self._answer(make_environ(scope), receive)
            await self._send(answer, send, scope["client"])
            if answer.status == HTTPStatus.REQUEST_TIMEOUT:
                # What is still to come of the body may never come.
                self._outbox.hang_up_on(scope["client"])

    async def _live(self, receive: Receive, send: Send) -> None:
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
        """Tell those who go on asking that their connections end, and then have the server stop.

        It closes connections on which nothing is under way, and a request may be on the way there.
        """
        self._stopping = True
        for callback in self._on_stop:
            callback()
        asyncio.get_running_loop().call_later(_NOTICE_SECONDS, signal.raise_signal, signal.SIGINT)

    async def _answer(self, environ: Environ, receive: Receive) -> Answer:
        if REFUSAL in environ:
            environ[RECEIVED] = perf_counter()
            if isinstance(environ[REFUSAL], _TOO_LONG):
                await asyncio.sleep(_TOO_LONG_SECONDS)
            answer = await self._answer_quickly(self._call, environ)
            return _closing(answer) if has_body(environ) else answer
        if not has_body(environ):
            return await self._work(environ)
        if awaits_continue(environ) and (refusal := await self._admit(environ)):
            return _closing(refusal)
        try:
            # Who gives no credentials can't write, so that what they send need not be kept.
            wanted = "HTTP_AUTHORIZATION" in environ
            async with self._intake.body(receive, wanted) as body:
                attach_body(environ, body)
                return await self._work(environ)
        except HTTPException as error:
            return await self._refuse(environ, error)

    async def _admit(self, environ: Environ) -> Answer | None:
        """The error for a request that is refused before its body is read, None if it is admitted.

        Granian sends `100 Continue` when the body is first read.
        """
        environ[RECEIVED] = perf_counter()
        if declared_length(environ) > self._bounds.longest_body:
            return await self._refuse(environ, RequestEntityTooLarge())
        answer = await self._ask_again_and_again({**environ, ADMISSION: True})
        if answer is None:
            return await self._refuse(environ, _overload())
        return None if answer.status == HTTPStatus.CONTINUE else answer

    async def _work(self, environ: Environ) -> Answer:
        """Have a thread answer, as soon as one is free, unless none is needed."""
        environ[RECEIVED] = perf_counter()
        if self._is_for_liveness(environ):
            return await self._say_that_it_lives(environ)
        return await self._find(environ) or await self._refuse(environ, _overload())

    async def _find(self, environ: Environ) -> Answer | None:
        """An answer that is kept, or is made now; None where there is none in time."""
        if self._cache is None or (state := self._state(self._cache)) is None:
            return await self._ask_again_and_again(environ)
        if answer := self._cache.look_up(environ, state):
            return answer
        question: Question | None = environ.get(QUESTION)
        if question is None:
            return await self._ask_again_and_again(environ)
        return await self._ask_once(environ, question, self._cache)

    def _state(self, cache: AnswerCache) -> Hashable | None:
        """The state of the database, asked once for all requests that are here already.

        The event loop takes what is to be done in the order in which it came. So whoever is served
        before the state is forgotten was here before it was asked for.
        """
        if not self._knows_state:
            asyncio.get_running_loop().call_soon(self._forget_state)
            self._known_state, self._knows_state = cache.state(), True
        return self._known_state

    def _forget_state(self) -> None:
        self._knows_state = False

    async def _ask_once(
        self, environ: Environ, question: Question, cache: AnswerCache
    ) -> Answer | None:
        """The same for what may be kept: who comes while it is being made, waits for it."""
        if running := self._running.get(question[:2]):
            await running.wait()
            return cache.look_again(environ) or await self._ask_again_and_again(environ)
        running = self._running[question[:2]] = asyncio.Event()
        try:
            return await self._ask_again_and_again(environ)
        finally:
            del self._running[question[:2]]
            running.set()

    async def _ask_again_and_again(self, environ: Environ) -> Answer | None:
        """What a thread answers, or None where there is no answer in time.

        Who signs in while too many others do waits here, where it keeps no thread from anyone.
        """
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._bounds.queue_seconds, _FIRST_PAUSE
        while (patience := end - loop.time()) > 0:
            environ[AGAIN] = False
            answer = await self._ask_thread(environ, patience)
            if not environ[AGAIN]:
                return answer
            environ["wsgi.input"].seek(0)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    async def _ask_thread(self, environ: Environ, patience: float) -> Answer | None:
        job = self._threads.submit(self._answer_in_thread, environ)
        # One that has begun can't be cancelled.
        timer = asyncio.get_running_loop().call_later(patience, job.cancel)
        try:
            return await asyncio.wrap_future(job)
        except CancelledError:
            return None
        finally:
            timer.cancel()

    def _is_for_liveness(self, environ: Environ) -> bool:
        """Whether the question is only whether the process lives, however busy it is.

        Credentials would have to be looked up.
        """
        reads = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        return reads and environ["PATH_INFO"] == _LIVENESS and "HTTP_AUTHORIZATION" not in environ

    async def _say_that_it_lives(self, environ: Environ) -> Answer:
        """The response of `/health/live`, which is stored for each way to ask for it."""
        if self._constants is None:
            return await self._answer_quickly(self._call, environ)
        known = self._constants.look_up(environ)
        return known or await self._answer_quickly(self._constants.answer, environ)

    async def _refuse(self, environ: Environ, refusal: HTTPException) -> Answer:
        """Have the application say no, as it says everything else."""
        environ |= {REFUSAL: refusal, AGAIN: False}
        return await self._answer_quickly(self._call, environ)

    def _call(self, environ: Environ) -> Answer:
        return call(self._application, environ)

    async def _answer_quickly(
        self, answer: Callable[[Environ], Answer], environ: Environ
    ) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._quick_thread, answer, environ)

    async def _send(self, answer: Answer, send: Send, client: tuple[str, str]) -> None:
        headers = [*answer.headers, _CLOSE] if self._stopping else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self._outbox.send(answer.body, send, client)


def _overload() -> HTTPException:
    return ServiceUnavailable("the server is busy", retry_after=_RETRY_SECONDS)


def _closing(answer: Answer) -> Answer:
    """The same answer, after which the connection is closed.

    A body that was not read must not be taken for the next request.
    """
    return answer._replace(headers=[*answer.headers, _CLOSE])


def install(app: Flask) -> None:
    """Make the errors for what the gateway refuses.

    Behind another server the application checks the head itself.
    """
    app.before_request(_refuse)


def _refuse() -> None:
    environ = current_request().environ
    if refusal := environ.get(REFUSAL) or find_fault(environ):
        raise refusal
