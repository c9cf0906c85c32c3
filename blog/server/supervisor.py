"""The process that starts, replaces and stops the workers: granian's server, adapted.

The methods that it overrides are not granian's public interface; a test names each of them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.sharedctypes import RawArray
from typing import Any

from granian._granian import SocketHolder
from granian.server.mp import MPServer, WorkerProcess

from blog.database.change_detection import TOKEN_BYTES
from blog.server.listener import BACKLOG
from blog.server.worker import load, try_to_load, work

logger = logging.getLogger("blog.server")

# A reload is abandoned if a new worker has not loaded after this many seconds.
_TRIAL_SECONDS = 60
# Here granian's SocketHolder takes a backlog.
_BACKLOG_SYSTEMS = ("Linux", "FreeBSD")


class Interrupt:
    """An event for which the main thread waits, and which signal handlers set.

    The main thread would miss a signal that another thread receives while it waits for a
    `threading.Event`, and a handler that runs within another one would wait for the event's lock
    for ever. Bytes in a pipe wake it in any case.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def set(self) -> None:
        """Let `wait` return, also in future."""
        self._is_set = True
        # A full pipe wakes the main thread as well.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Let `wait` block again."""
        self._is_set = False

    def wait(self) -> None:
        """Block the main thread until the event is set."""
        before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            while not self._is_set:
                os.read(self._reader, 4096)
        finally:
            signal.set_wakeup_fd(before)


class Supervisor(MPServer):
    """Granian's server with one listening socket, shared by all workers.

    Granian gives each worker a socket of its own. When a worker is replaced, its socket is closed,
    and the connections that it has not accepted yet are lost.
    """

    def __init__(self, listener: socket.socket, **options: Any) -> None:
        """Take the socket, and the options of granian's server."""
        super().__init__(**options)
        self.main_loop_interrupt: Any = Interrupt()
        self._listener = listener
        self._memory = RawArray("c", TOKEN_BYTES)

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # The type stub lacks these arguments, and only some systems have the last one.
        holder: Any = SocketHolder
        backlog = (BACKLOG,) if os.uname().sysname in _BACKLOG_SYSTEMS else ()
        self._shd = holder(self._listener.fileno(), False, *backlog)
        self._sso = self._listener

    def _spawn_worker(
        self, idx: int, target: Any, callback_loader: Any, *more: Any
    ) -> WorkerProcess:
        loader = partial(
            load,
            callback_loader,
            listener=self._listener,
            memory=self._memory,
            connections=self.backpressure,
        )
        return super()._spawn_worker(idx, partial(work, target), loader, *more)

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        """Replace the workers, unless a new one fails to load the application.

        It can fail after the program or the database has changed.
        """
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        try:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as trial:
                trial.submit(try_to_load, target_loader).result(_TRIAL_SECONDS)
        except Exception as error:
            logger.error("the workers stay, since new ones would fail: %s", error)
        else:
            super()._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # no type
        if self.interrupt_signal:
            # Granian has cleared this event, which may have been set by a signal to stop.
            self.main_loop_interrupt.set()

    def _respawn_workers(self, workers: Sequence[int], *args: Any, **options: Any) -> None:
        """Replace workers one after the other, until the server stops."""
        for worker in workers:
            if not self.interrupt_signal:
                super()._respawn_workers([worker], *args, **options)
