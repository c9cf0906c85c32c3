"""The process of `blog serve` for work that no request waits for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from types import FrameType

from blog.server.worker import end_with_parent

# The lowest priority: whatever else the machine has to do comes first.
_NICENESS = 19
# How many seconds the process has to end, before it is killed: it ends at once but for a body that
# is being rendered. Whatever it does not end, the database undoes.
_STOP_SECONDS = 2


class Background:
    """Does work in a process of its own, which ends with this context at the latest."""

    def __init__(self, work: Callable[[], None], *, is_due: bool) -> None:
        """``work`` is a function of a module; each process loads that anew.

        ``is_due`` is whether to start with the context, and not only when `start` is called.
        """
        self._work = work
        self._is_due = is_due
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Do the work, from the beginning if it is being done.

        Whether it is due is only known to a process that has loaded the program anew.
        """
        self._stop()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=carry_out, args=(self._work,), daemon=True)
        self._process.start()
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid or 0, _NICENESS)

    def __enter__(self) -> Background:
        if self._is_due:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.join(_STOP_SECONDS)
            self._process.kill()
            self._process.join()


def carry_out(work: Callable[[], None]) -> None:
    """Do the work until a signal to stop, as the only thing that this process does."""
    # A terminal sends it to all processes of the server, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    end_with_parent()
    with suppress(SystemExit):
        work()
    # As in a worker, the work has cleaned up, and the interpreter need not.
    os._exit(0)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit()
