"""What comes between the question and the answer that is kept: writes, time, and other files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from blog.database.database import Database
from blog.maintenance import schema
from tests.blogs import Blogs
from tests.contract import Clock
from tests.gateway.cached import Served, served
from tests.gateway.gateways import Heard, ask, scope
from tests.servers.serving import PATIENCE


@pytest.fixture
def cached(database_url: str, clock: Clock) -> Iterator[Served]:
    """An application with default settings, served."""
    with served(clock, database_url=database_url) as made:
        yield made


def test_whoever_asks_after_a_write_does_not_wait_for_what_was_asked_before(
    cached: Served,
) -> None:
    """The answer that is being made for the first may be older than the write."""

    async def ask_around_a_write() -> list[Heard]:
        first = asyncio.create_task(ask(cached.gateway, scope("GET", "/post")))
        await asyncio.to_thread(cached.counting.entered.wait, PATIENCE)
        await asyncio.to_thread(cached.write)
        second = asyncio.create_task(ask(cached.gateway, scope("GET", "/post")))
        cached.counting.gate.set()
        return [await first, await second]

    cached.counting.gate.clear()
    answers = asyncio.run(ask_around_a_write())

    assert b"Kept" in answers[1].body


def test_what_appears_while_an_answer_is_made_is_not_missing_from_the_next(
    cached: Served, clock: Clock
) -> None:
    path = cached.write(postedDate="2026-11-22T10:00:00Z")

    async def ask_while_it_appears() -> int:
        first = asyncio.create_task(ask(cached.gateway, scope("GET", path)))
        await asyncio.to_thread(cached.counting.entered.wait, PATIENCE)
        clock.advance(minutes=13)
        cached.counting.gate.set()
        return (await first).status

    cached.counting.entered.clear()
    cached.counting.gate.clear()

    assert asyncio.run(ask_while_it_appears()) == 404
    assert cached.get(path).status == 200


@pytest.fixture
def file(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[Path]:
    """A database in a file."""
    with sqlite_blogs.copy(tmp_path):
        yield tmp_path / "blog.db"


@pytest.fixture
def filed(file: Path, clock: Clock) -> Iterator[Served]:
    """An application on that, served."""
    with served(clock, database_url=f"sqlite:///{file}") as made:
        yield made


def test_answer_that_is_made_is_given_although_the_file_has_gone(filed: Served, file: Path) -> None:
    async def ask_while_it_goes() -> int:
        first = asyncio.create_task(ask(filed.gateway, scope("GET", "/post")))
        await asyncio.to_thread(filed.counting.entered.wait, PATIENCE)
        file.rename(file.with_name("elsewhere"))
        filed.counting.gate.set()
        return (await first).status

    filed.counting.gate.clear()

    assert asyncio.run(ask_while_it_goes()) == 200
    assert filed.cache.state() is None
    assert filed.cache.size() == 0


def test_another_file_in_the_place_of_the_first_has_answers_of_its_own(
    filed: Served, file: Path
) -> None:
    path = filed.write()
    assert filed.get(path).status == 200
    for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
        (file.parent / name).rename(file.parent / f"old-{name}")
    assert filed.get(path).status == 503
    with closing(Database(f"sqlite:///{file}")) as database:
        schema.upgrade(database)

    assert filed.get(path).status == 404


def test_whoever_waits_and_goes_takes_the_answer_from_nobody(cached: Served) -> None:
    async def ask_and_go() -> list[Heard]:
        first = asyncio.create_task(ask(cached.gateway, scope("GET", "/post")))
        await asyncio.to_thread(cached.counting.entered.wait, PATIENCE)
        others = [asyncio.create_task(ask(cached.gateway, scope("GET", "/post"))) for _ in range(2)]
        # They begin to wait.
        await asyncio.sleep(0)
        others[0].cancel()
        await asyncio.wait([others[0]])
        cached.counting.gate.set()
        return [await first, await others[1]]

    cached.counting.gate.clear()
    answers = asyncio.run(ask_and_go())

    assert [answer.status for answer in answers] == [200, 200]
