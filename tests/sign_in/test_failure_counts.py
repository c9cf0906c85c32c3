"""Counts of failures that processes share, and local ones while those are unavailable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from limits.storage import MemoryStorage

from blog.database.database import Database
from blog.database.session import Session
from blog.sign_in.failure_counts import FailureCounts
from tests.blogs import Blogs

MOST, SECONDS = 2, 300


class Shared(MemoryStorage):
    """A storage that can be unavailable."""

    def __init__(self) -> None:
        super().__init__(wrap_exceptions=True)
        self.away = False
        self.asked = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ConnectionError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        self._ask()
        return super().acquire_entry(key, limit, expiry, amount)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        self._ask()
        return super().get_moving_window(key, limit, expiry)

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise ConnectionError("it is away")


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def session(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[Session]:
    with sqlite_blogs.copy(tmp_path) as url:
        database = Database(url)
        with database.session() as opened:
            yield opened
        database.close()


@pytest.fixture
def make_counts(shared: Shared) -> Callable[..., FailureCounts]:
    """Makes the counts of a process, without a pause after a failure."""
    return lambda seconds=SECONDS, pause=0.0: FailureCounts(MOST, seconds, shared, pause)


@pytest.fixture
def counts(make_counts: Callable[..., FailureCounts]) -> FailureCounts:
    return make_counts()


def now() -> datetime:
    return datetime.now(UTC)


def fail(counts: FailureCounts, session: Session, *keys: str) -> None:
    """Count a failure."""
    counts.add(session, keys or ["key"], now())


def wait(counts: FailureCounts, session: Session, *keys: str, at: datetime | None = None) -> int:
    """The seconds until a key is below the limit."""
    return counts.wait(session, keys or ["key"], at or now())


def test_there_is_room_below_the_limit(counts: FailureCounts, session: Session) -> None:
    fail(counts, session)

    assert wait(counts, session) == 0


def test_at_the_limit_there_is_none_until_the_first_failure_is_over(
    counts: FailureCounts, session: Session
) -> None:
    began = now()
    for _ in range(MOST):
        fail(counts, session)

    assert wait(counts, session, at=began) == SECONDS
    assert wait(counts, session, at=began + timedelta(seconds=SECONDS - 0.5)) == 1


def test_of_several_keys_the_longest_wait_counts(counts: FailureCounts, session: Session) -> None:
    fail(counts, session, "early")
    fail(counts, session, "early", "late")
    fail(counts, session, "late")

    longest = wait(counts, session, "early", "late", "unknown")

    assert longest == wait(counts, session, "late") > 0
    assert wait(counts, session, "unknown") == 0


@pytest.mark.parametrize(("ahead", "expected"), [(-86400, SECONDS), (86400, 1)])
def test_a_wrong_clock_locks_no_author_out_for_long(
    counts: FailureCounts, session: Session, ahead: int, expected: int
) -> None:
    for _ in range(MOST):
        fail(counts, session)

    assert wait(counts, session, at=now() + timedelta(seconds=ahead)) == expected


def test_processes_share_their_counts(
    make_counts: Callable[..., FailureCounts], session: Session
) -> None:
    for _ in range(MOST):
        fail(make_counts(), session)

    assert wait(make_counts(), session) > 0


def test_while_they_are_away_a_process_counts_for_itself(
    counts: FailureCounts, session: Session, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.away = True
    before = wait(counts, session)
    for _ in range(MOST):
        fail(counts, session)

    assert before == 0
    assert wait(counts, session) > 0
    assert "counted by each process for itself: it is away" in caplog.text


def test_local_counts_hold_when_the_shared_ones_are_back(
    counts: FailureCounts,
    make_counts: Callable[..., FailureCounts],
    session: Session,
    shared: Shared,
) -> None:
    shared.away = True
    for _ in range(MOST):
        fail(counts, session)
    shared.away = False

    assert wait(counts, session) > 0
    assert wait(make_counts(), session) == 0


def test_one_outage_after_the_other_makes_no_room(
    counts: FailureCounts, session: Session, shared: Shared
) -> None:
    for _ in range(MOST):
        shared.away = True
        fail(counts, session)
        shared.away = False
        wait(counts, session)

    assert wait(counts, session) > 0


@pytest.mark.slow
def test_expired_failures_are_removed_at_the_next_outage(
    make_counts: Callable[..., FailureCounts], session: Session, shared: Shared
) -> None:
    counts = make_counts(seconds=1)
    shared.away = True
    fail(counts, session, "old")
    time.sleep(1.1)
    fail(counts, session, "new")

    assert [key.split("/")[1] for key in counts._local.storage.events] == ["new"]


def test_an_unavailable_storage_is_not_used_for_a_while(
    make_counts: Callable[..., FailureCounts], session: Session, shared: Shared
) -> None:
    counts = make_counts(pause=60.0)
    shared.away = True
    for _ in range(3):
        fail(counts, session)
        wait(counts, session)

    assert shared.asked == 1
