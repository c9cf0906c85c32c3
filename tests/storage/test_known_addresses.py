"""Where authors have signed in: noted, looked up with the account, and forgotten in time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from blog.database.database import Database
from blog.database.session import Session
from blog.storage import accounts, known_addresses
from blog.storage.tables import sign_in
from tests.contract import Clock

HERE, THERE = "a" * 32, "b" * 32
DAY = timedelta(days=1)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as opened:
        yield opened


def noted(session: Session, name: str = "rick", address_key: str = HERE) -> datetime | None:
    """When an author was last noted at an address."""
    account = accounts.find(session, name, address_key)
    assert account
    return account.noted


def rows(session: Session) -> int:
    """How many are kept."""
    return session.reading().execute(select(func.count()).select_from(sign_in)).scalar_one()


def test_a_sign_in_is_found_with_the_account(session: Session, clock: Clock) -> None:
    known_addresses.note(session, "rick", HERE, clock.now)

    assert noted(session) == clock.now
    assert noted(session, "rick", THERE) is None
    assert noted(session, "joe", HERE) is None


def test_without_an_address_the_account_is_found_all_the_same(
    session: Session, clock: Clock
) -> None:
    known_addresses.note(session, "rick", HERE, clock.now)
    account = accounts.find(session, "rick")

    assert account and account.noted is None


def test_a_later_sign_in_takes_the_place_of_the_one_before(session: Session, clock: Clock) -> None:
    known_addresses.note(session, "rick", HERE, clock.now)
    clock.advance(days=1)
    known_addresses.note(session, "rick", HERE, clock.now)

    assert noted(session) == clock.now
    assert rows(session) == 1


def test_an_author_who_is_no_more_is_not_noted(session: Session, clock: Clock) -> None:
    known_addresses.note(session, "nobody", HERE, clock.now)

    assert rows(session) == 0


def test_who_is_deleted_leaves_no_address(session: Session, clock: Clock) -> None:
    known_addresses.note(session, "rick", HERE, clock.now)
    accounts.remove(session, "rick")

    assert rows(session) == 0


def test_sign_ins_at_once_are_noted_once(database: Database, clock: Clock) -> None:
    def note(_number: int) -> None:
        with database.session() as session:
            known_addresses.note(session, "rick", HERE, clock.now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(8)))

    with database.session() as session:
        assert rows(session) == 1


def test_expired_ones_get_fewer_with_each_new_one(session: Session, clock: Clock) -> None:
    for number in range(25):
        known_addresses.note(session, "rick", f"old {number}", clock.now)
    clock.advance(days=31)
    left = []
    for number in range(3):
        known_addresses.note(session, "rick", f"new {number}", clock.now)
        left.append(rows(session))

    assert left == [16, 7, 3]


@pytest.mark.parametrize(
    ("age", "known"),
    [(None, False), (timedelta(0), True), (timedelta(days=30), True), (timedelta(days=31), False)],
)
def test_an_address_is_known_for_a_month(clock: Clock, age: timedelta | None, known: bool) -> None:
    date = None if age is None else clock.now - age

    assert known_addresses.is_known(date, clock.now) is known


@pytest.mark.parametrize(
    ("age", "due"),
    [(None, True), (timedelta(0), False), (DAY - timedelta(seconds=1), False), (DAY, True)],
)
def test_a_sign_in_is_due_after_a_day(clock: Clock, age: timedelta | None, due: bool) -> None:
    date = None if age is None else clock.now - age

    assert known_addresses.is_due(date, clock.now) is due
