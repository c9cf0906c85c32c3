"""Group commit: writes that wait for each other are kept together, by one commit.

A commit costs more than most of what it keeps: it waits for the disk, and writes the ends of many
indexes whole. So whoever of this process has the turn does in one transaction what all the others
wait to do, and nobody is answered before it is committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Condition
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection

from blog.errors import StorageUnavailable

# For so long, in seconds, more may join a transaction: the writers of other processes wait for it.
_BOARDING = 0.02

Result = TypeVar("Result")
Work = Callable[[Connection], Result]
# Begins a transaction for writing, which is committed at its end.
Begin = Callable[[], AbstractContextManager[Connection]]


class _Job(Future[Any]):
    """Work that waits for its turn, and what came of it."""

    def __init__(self, work: Work[Any]) -> None:
        super().__init__()
        self.work = work


class GroupCommit:
    """The writers of one process, to a database that has one writer at a time."""

    def __init__(self, patience: float) -> None:
        """Let each wait so many seconds for those before it."""
        self._patience = patience
        # Held for a look at what follows, and never while anything is done.
        self._turn = Condition()
        self._waiting: deque[_Job] = deque()
        self._is_taken = False
        # Whether several of them were brought together the last time.
        self._is_crowded = False

    def write(self, work: Work[Result], begin: Begin) -> Result:
        """What ``work`` gives, once that is committed.

        Another thread may do it, and anew where it was done with some that failed. Raises what it
        raises, which undoes it and nothing else, and StorageUnavailable as ``begin`` does and when
        those before it take too long.
        """
        job = _Job(work)
        if self._take_turn(job):
            try:
                self._do_all(begin)
            finally:
                self._leave_turn()
        result: Result = job.result()
        return result

    def _take_turn(self, job: _Job) -> bool:
        """Wait until a job is done or has to be done here; whether it has."""
        with self._turn:
            self._waiting.append(job)
            self._turn.wait_for(lambda: job.done() or not self._is_taken, self._patience)
            if not job.done() and self._is_taken and job in self._waiting:
                self._waiting.remove(job)
                raise StorageUnavailable("the database can't serve now: others write")
            # What waits no more is being done.
            self._turn.wait_for(lambda: job.done() or not self._is_taken)
            self._is_taken = self._is_taken or not job.done()
            return not job.done()

    def _leave_turn(self) -> None:
        with self._turn:
            self._is_taken = False
            self._turn.notify_all()

    def _next(self) -> _Job | None:
        """The one that has waited longest, which is then to be done."""
        with self._turn:
            return self._waiting.popleft() if self._waiting else None

    def _do_all(self, begin: Begin) -> None:
        """Do what waits in one transaction or, where any of it fails, each in its own."""
        jobs = list(iter(self._next, None))
        try:
            with begin() as connection:
                results = [job.work(connection) for job in self._all_aboard(jobs)]
        except StorageUnavailable as error:
            for job in jobs:
                job.set_exception(error)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].set_exception(error)
            else:
                for job in jobs:
                    _do_alone(job, begin)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.set_result(result)

    def _all_aboard(self, jobs: list[_Job]) -> Iterator[_Job]:
        """Each of these jobs; those that come meanwhile are added to them."""
        yield from tuple(jobs)
        end = monotonic() + _BOARDING
        while monotonic() < end and (job := self._next() or self._next_of_crowd()):
            jobs.append(job)
            yield job
        self._is_crowded = len(jobs) > 1

    def _next_of_crowd(self) -> _Job | None:
        """The same, where several wrote a moment ago, once they have had time to come here.

        They can't come while this thread keeps the interpreter.
        """
        if not self._is_crowded:
            return None
        sleep(0)
        return self._next()


def _do_alone(job: _Job, begin: Begin) -> None:
    try:
        with begin() as connection:
            result = job.work(connection)
    except Exception as error:
        job.set_exception(error)
    else:
        job.set_result(result)
