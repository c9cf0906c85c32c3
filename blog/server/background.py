"""A process beside the workers, for work that no request waits for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from blog.server.worker import end_with_parent

# The lowest priority: whatever else the machine has to do comes first.
_NICENESS = 19
# How many seconds the process has to end, before it is killed.
_STOP_SECONDS = 5


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Do this work in a process of its own, which ends with the context at the latest.

    ``work`` is a function of a module, and is ended by a SystemExit.
    """
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(_STOP_SECONDS)
        process.kill()
        process.join()


def _run(work: Callable[[], None]) -> None:
    # A terminal sends it to all processes of the server, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    end_with_parent()
    os.nice(_NICENESS)
    work()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit()
