"""What happens while a response for the cache is being made: writes, time, replaced files."""

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
from tests.gateway.gateways import Received, fetch_async, scope
from tests.servers.serving import TIMEOUT


@pytest.fixture
def cached(database_url: str, clock: Clock) -> Iterator[Served]:
    """An application with default settings, behind a gateway."""
    with served(clock, database_url=database_url) as made:
        yield made


def test_a_request_after_a_write_does_not_wait_for_a_response_from_before(
    cached: Served,
) -> None:
    """The response that is being made may not include the write."""

    async def get_around_a_write() -> list[Received]:
        first = asyncio.create_task(fetch_async(cached.gateway, scope("GET", "/post")))
        await asyncio.to_thread(cached.counting.entered.wait, TIMEOUT)
        await asyncio.to_thread(cached.write)
        second = asyncio.create_task(fetch_async(cached.gateway, scope("GET", "/post")))
        cached.counting.gate.set()
        return [await first, await second]

    cached.counting.gate.clear()
    responses = asyncio.run(get_around_a_write())

    assert b"Kept" in responses[1].body


def test_a_post_published_while_a_response_is_made_is_in_the_next(
    cached: Served, clock: Clock
) -> None:
    path = cached.write(postedDate="2026-11-22T10:00:00Z")

    async def get_while_it_appears() -> int:
        first = asyncio.create_task(fetch_async(cached.gateway, scope("GET", path)))
        await asyncio.to_thread(cached.counting.entered.wait, TIMEOUT)
        clock.advance(minutes=13)
        cached.counting.gate.set()
        return (await first).status

    cached.counting.entered.clear()
    cached.counting.gate.clear()

    assert asyncio.run(get_while_it_appears()) == 404
    assert cached.get(path).status == 200


@pytest.fixture
def file(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[Path]:
    """An SQLite database."""
    with sqlite_blogs.copy(tmp_path):
        yield tmp_path / "blog.db"


@pytest.fixture
def filed(file: Path, clock: Clock) -> Iterator[Served]:
    """An application on that file, behind a gateway."""
    with served(clock, database_url=f"sqlite:///{file}") as made:
        yield made


def test_a_response_is_sent_although_the_database_file_was_removed(
    filed: Served, file: Path
) -> None:
    async def get_while_it_goes() -> int:
        first = asyncio.create_task(fetch_async(filed.gateway, scope("GET", "/post")))
        await asyncio.to_thread(filed.counting.entered.wait, TIMEOUT)
        file.rename(file.with_name("elsewhere"))
        filed.counting.gate.set()
        return (await first).status

    filed.counting.gate.clear()

    assert asyncio.run(get_while_it_goes()) == 200
    assert filed.cache.state() is None
    assert filed.cache.size() == 0


def test_a_replaced_database_file_shares_no_responses(filed: Served, file: Path) -> None:
    path = filed.write()
    assert filed.get(path).status == 200
    for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
        (file.parent / name).rename(file.parent / f"old-{name}")
    assert filed.get(path).status == 503
    with closing(Database(f"sqlite:///{file}")) as database:
        schema.upgrade(database)

    assert filed.get(path).status == 404


def test_a_waiting_client_that_disconnects_does_not_affect_the_others(cached: Served) -> None:
    async def get_and_disconnect() -> list[Received]:
        first = asyncio.create_task(fetch_async(cached.gateway, scope("GET", "/post")))
        await asyncio.to_thread(cached.counting.entered.wait, TIMEOUT)
        others = [
            asyncio.create_task(fetch_async(cached.gateway, scope("GET", "/post")))
            for _ in range(2)
        ]
        # They begin to wait.
        await asyncio.sleep(0)
        others[0].cancel()
        await asyncio.wait([others[0]])
        cached.counting.gate.set()
        return [await first, await others[1]]

    cached.counting.gate.clear()
    responses = asyncio.run(get_and_disconnect())

    assert [response.status for response in responses] == [200, 200]
