"""Group commit: concurrent writes of one process share a transaction, and so one commit.

A commit takes longer than most of the writes in it: it waits for the disk and writes many index
pages. So one thread does the work of all that wait; each returns when the commit is done.
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

# How long, in seconds, jobs may be added to a batch. Other processes can't write meanwhile.
_BATCH_SECONDS = 0.02

Result = TypeVar("Result")
Work = Callable[[Connection], Result]
# Begins a transaction for writing, which is committed at its end.
Begin = Callable[[], AbstractContextManager[Connection]]


class _Job(Future[Any]):
    """Work to be done, and its result."""

    def __init__(self, work: Work[Any]) -> None:
        super().__init__()
        self.work = work


class GroupCommit:
    """Combines the writes of one process to a database that allows one writer at a time."""

    def __init__(self, timeout: float) -> None:
        """``timeout`` is how long a write waits for earlier ones, in seconds."""
        self._timeout = timeout
        # Guards the attributes below; it is never held while work is done.
        self._condition = Condition()
        self._waiting: deque[_Job] = deque()
        self._is_writing = False
        # Whether the last batch had more than one job.
        self._is_contended = False

    def write(self, work: Work[Result], begin: Begin) -> Result:
        """Call ``work`` in a transaction, and return its result when that is committed.

        Another thread may call it, and call it again if a job of the same batch failed. Raises
        what ``work`` raises, which undoes that work alone, and StorageUnavailable as ``begin``
        does, or if earlier writes take too long.
        """
        job = _Job(work)
        if self._wait_for_turn(job):
            try:
                self._write_all(begin)
            finally:
                self._end_turn()
        result: Result = job.result()
        return result

    def _wait_for_turn(self, job: _Job) -> bool:
        """Wait until another thread has done the job, or no other thread writes.

        Returns whether this thread has to write.
        """
        with self._condition:
            self._waiting.append(job)
            self._condition.wait_for(lambda: job.done() or not self._is_writing, self._timeout)
            if not job.done() and self._is_writing and job in self._waiting:
                self._waiting.remove(job)
                raise StorageUnavailable(
                    "the database is temporarily unavailable: other writes take too long"
                )
            # A job that is in a batch already is about to be done.
            self._condition.wait_for(lambda: job.done() or not self._is_writing)
            self._is_writing = self._is_writing or not job.done()
            return not job.done()

    def _end_turn(self) -> None:
        with self._condition:
            self._is_writing = False
            self._condition.notify_all()

    def _next_job(self) -> _Job | None:
        """Take the job that has waited longest."""
        with self._condition:
            return self._waiting.popleft() if self._waiting else None

    def _write_all(self, begin: Begin) -> None:
        """Do the waiting jobs in one transaction or, if one fails, each in its own."""
        jobs = list(iter(self._next_job, None))
        try:
            with begin() as connection:
                results = [job.work(connection) for job in self._batch(jobs)]
        except StorageUnavailable as error:
            for job in jobs:
                job.set_exception(error)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].set_exception(error)
            else:
                for job in jobs:
                    _write_one(job, begin)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.set_result(result)

    def _batch(self, jobs: list[_Job]) -> Iterator[_Job]:
        """Each of these jobs, and those that arrive meanwhile, which are added to the list."""
        yield from tuple(jobs)
        end = monotonic() + _BATCH_SECONDS
        while monotonic() < end and (job := self._next_job() or self._await_job()):
            jobs.append(job)
            yield job
        self._is_contended = len(jobs) > 1

    def _await_job(self) -> _Job | None:
        """Under contention, yield once to threads that are about to add jobs."""
        if not self._is_contended:
            return None
        sleep(0)
        return self._next_job()


def _write_one(job: _Job, begin: Begin) -> None:
    try:
        with begin() as connection:
            result = job.work(connection)
    except Exception as error:
        job.set_exception(error)
    else:
        job.set_result(result)
