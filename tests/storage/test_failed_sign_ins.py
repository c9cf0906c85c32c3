"""Attempts in the database: the moving windows that the limits library asks a storage for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from sqlalchemy import func, select

from blog.database.database import Database
from blog.database.limits import Limits
from blog.database.session import Session
from blog.storage.failed_sign_ins import Attempts
from blog.storage.tables import attempt
from tests.contract import Clock
from tests.rivals import connected

KEY, OTHER = "k" * 64, "another key"
MOST, SECONDS = 3, 300


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as opened:
        yield opened


def acquire(session: Session, clock: Clock, key: str = KEY, amount: int = 1) -> bool:
    """Keep an attempt of now, if there is room."""
    return Attempts(session, [], clock.now).acquire_entry(key, MOST, SECONDS, amount)


def window(session: Session, clock: Clock, key: str = KEY) -> tuple[float, int]:
    """The window of a key, as it is now."""
    return Attempts(session, [KEY, OTHER], clock.now).get_moving_window(key, MOST, SECONDS)


def rows(session: Session) -> int:
    """How many attempts are kept."""
    return session.reading().execute(select(func.count()).select_from(attempt)).scalar_one()


def test_a_window_in_which_nothing_failed_begins_now(session: Session, clock: Clock) -> None:
    acquire(session, clock, OTHER)

    assert window(session, clock) == (clock.now.timestamp(), 0)


def test_a_window_begins_with_its_first_attempt(session: Session, clock: Clock) -> None:
    first = clock.now.timestamp()
    acquire(session, clock)
    clock.advance(seconds=10)
    acquire(session, clock)

    assert window(session, clock) == (first, 2)


def test_an_attempt_leaves_the_window_with_its_last_second(session: Session, clock: Clock) -> None:
    acquire(session, clock)
    clock.now += timedelta(seconds=SECONDS, microseconds=-1)
    before = window(session, clock)
    clock.now += timedelta(microseconds=1)

    assert before[1] == 1
    assert window(session, clock) == (clock.now.timestamp(), 0)


def test_there_is_room_for_as_many_as_the_limit(session: Session, clock: Clock) -> None:
    kept = [acquire(session, clock) for _ in range(MOST + 1)]

    assert kept == [True, True, True, False]
    assert window(session, clock)[1] == rows(session) == MOST


def test_several_at_once_are_kept_or_none_of_them(session: Session, clock: Clock) -> None:
    kept = [acquire(session, clock, amount=2), acquire(session, clock, amount=2)]

    assert kept == [True, False]
    assert window(session, clock)[1] == 2


def test_keys_do_not_mix(session: Session, clock: Clock) -> None:
    acquire(session, clock, KEY, amount=2)
    acquire(session, clock, OTHER)

    assert window(session, clock, KEY)[1] == 2
    assert window(session, clock, OTHER)[1] == 1


def test_all_keys_are_read_at_once(database: Database, session: Session, clock: Clock) -> None:
    attempts = Attempts(session, [KEY, OTHER], clock.now)
    first = attempts.get_moving_window(KEY, MOST, SECONDS)
    with database.session() as another:
        acquire(another, clock, OTHER)

    assert first[1] == attempts.get_moving_window(OTHER, MOST, SECONDS)[1] == 0
    assert window(another, clock, OTHER)[1] == 1


def test_attempts_at_once_do_not_pass_the_limit(database: Database, clock: Clock) -> None:
    def acquire_one(_number: int) -> bool:
        with database.session() as session:
            return acquire(session, clock)

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(acquire_one, range(12)))

    assert kept.count(True) == MOST


def test_expired_attempts_get_fewer_with_each_new_one(session: Session, clock: Clock) -> None:
    for number in range(25):
        acquire(session, clock, f"old {number}")
    clock.advance(seconds=SECONDS)
    left = []
    for number in range(3):
        acquire(session, clock, f"new {number}")
        left.append(rows(session))

    assert left == [16, 7, 3]


def test_the_strategy_of_the_library_works_with_it(session: Session, clock: Clock) -> None:
    limit = RateLimitItemPerSecond(MOST, SECONDS)
    limiter = MovingWindowRateLimiter(Attempts(session, [limit.key_for("key")], clock.now))
    hits = [limiter.hit(limit, "key") for _ in range(MOST + 1)]

    assert hits == [True, True, True, False]
    assert limiter.test(limit, "key") is False
    assert limiter.get_window_stats(limit, "key") == (clock.now.timestamp() + SECONDS, 0)


def test_another_strategy_is_refused(session: Session, clock: Clock) -> None:
    limiter = FixedWindowRateLimiter(Attempts(session, [], clock.now))

    with pytest.raises(NotImplementedError, match="only stores moving windows"):
        limiter.hit(RateLimitItemPerSecond(MOST, SECONDS), "key")


def test_a_database_that_can_not_be_written_is_the_librarys_own_error(
    database_url: str, clock: Clock
) -> None:
    database = Database(database_url, Limits(lock=0.1))
    with connected(database_url) as rival, database.session() as session:
        rival.begin_writing()
        if "postgresql" in database_url:
            rival.execute("LOCK TABLE attempt IN EXCLUSIVE MODE")

        with pytest.raises(StorageError, match=r"the database is temporarily unavailable"):
            acquire(session, clock)
    database.close()
