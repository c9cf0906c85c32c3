"""Clients that follow the change feed: they wait for news, and keep a copy while others write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.http.application import Application
from tests.contract import Clock, create, faults, path_of
from tests.scenarios.followers import FOLLOWERS, Trial, differences, run, served, shown
from tests.servers.serving import TIMEOUT

SECONDS = 3


def poll(client: FlaskClient, wait: str, url: str = "/change", **headers: str) -> TestResponse:
    """A page of changes, for which the client would wait."""
    return client.get(url, headers={"Prefer": wait, **headers})


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for clients that wait."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


def wait_all(app: Application, pool: ThreadPoolExecutor, count: int) -> list[Future[TestResponse]]:
    """So many clients that wait as long as they may."""
    return [pool.submit(poll, app.test_client(), "wait=30") for _ in range(count)]


@pytest.mark.slow
def test_wait_that_brings_nothing_ends_with_an_empty_page(client: FlaskClient) -> None:
    response = poll(client, "wait=1")

    assert response.headers["Preference-Applied"] == "wait=1"
    assert (response.status_code, response.json["data"]) == (200, [])


@pytest.mark.slow
def test_wait_for_what_the_client_has_ends_with_304(client: FlaskClient) -> None:
    tag = client.get("/change").headers["ETag"]
    response = poll(client, "wait=1", **{"If-None-Match": tag})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["Preference-Applied"] == "wait=1"


def test_page_with_something_on_it_is_not_held(client: FlaskClient) -> None:
    create(client)
    response = poll(client, "wait=30")

    assert len(response.json["data"]) == 1
    assert "Preference-Applied" not in response.headers


# Longer than any wait: a wait that ignores its header shows in the time of the run.
@pytest.mark.slow
@pytest.mark.parametrize("wish", ["wait=30", "wait=31", "wait=99999999", 'Wait="30"', "x, wait=30"])
def test_wait_ends_when_something_comes_and_is_for_thirty_seconds_at_most(
    app: Application, client: FlaskClient, pool: ThreadPoolExecutor, wish: str
) -> None:
    waiting = pool.submit(poll, app.test_client(), wish)
    with pytest.raises(TimeoutError):
        waiting.result(0.4)
    path = create(client)
    response = waiting.result(TIMEOUT)

    assert [path_of(item["_links"]["post"]) for item in response.json["data"]] == [path]
    assert response.headers["Preference-Applied"] == "wait=30"


@pytest.mark.slow
def test_wait_ends_when_a_scheduled_post_falls_due(
    app: Application, client: FlaskClient, pool: ThreadPoolExecutor, clock: Clock
) -> None:
    create(client, postedDate="2026-11-22T10:00:00Z")
    waiting = pool.submit(poll, app.test_client(), "wait=30")
    with pytest.raises(TimeoutError):
        waiting.result(0.4)
    clock.advance(hours=1)

    assert waiting.result(TIMEOUT).json["data"][0]["at"] == "2026-11-22T10:00:00.000000Z"


@pytest.mark.slow
@pytest.mark.parametrize("status", ["draft", "scheduled"])
def test_wait_goes_on_after_what_the_caller_can_not_see(
    client: FlaskClient, app: Application, pool: ThreadPoolExecutor, status: str
) -> None:
    fields = {"draft": {"status": "draft"}, "scheduled": {"postedDate": "2027-01-01T00:00:00Z"}}
    waiting = pool.submit(poll, app.test_client(), "wait=1")
    create(client, **fields[status])

    assert waiting.result(TIMEOUT).json["data"] == []
    assert waiting.result().headers["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize(
    "wish",
    [
        "wait=0", "wait=", "wait", "wait=x", "wait=-1", "wait=+5", "wait=1.5", "wait=1e3",
        "wait=\N{SUPERSCRIPT TWO}", "wait=9999999999", "wait=5 s", "wait=0, wait=5", "await=5",
    ],
)  # fmt: skip
def test_wait_that_can_not_be_read_is_none(client: FlaskClient, wish: str) -> None:
    response = poll(client, wish)

    assert (response.status_code, response.json["data"]) == (200, [])
    assert "Preference-Applied" not in response.headers


def test_nobody_waits_where_the_cursor_can_not_be_read(client: FlaskClient) -> None:
    assert list(faults(poll(client, "wait=30", "/change?after=x"), 400)) == ["after"]


def test_nobody_waits_for_another_resource(client: FlaskClient) -> None:
    assert "Preference-Applied" not in poll(client, "wait=30", "/post").headers


@pytest.mark.parametrize(("threads", "places"), [(1, 0), (3, 1), (4, 2)])
def test_more_than_half_of_the_threads_never_wait(
    make_app: Callable[..., Application], pool: ThreadPoolExecutor, threads: int, places: int
) -> None:
    app = make_app(threads=threads, database_connections=8)
    waiting = wait_all(app, pool, places + 3)
    answered = as_completed(waiting, TIMEOUT)
    at_once = [next(answered).result() for _ in range(3)]
    create(app.test_client())

    applied = [future.result().headers.get("Preference-Applied") for future in answered]
    assert [response.headers.get("Preference-Applied") for response in at_once] == [None] * 3
    assert applied == ["wait=30"] * places


@pytest.mark.slow
def test_place_of_one_who_has_waited_is_free_again(
    make_app: Callable[..., Application],
) -> None:
    client = make_app(threads=2).test_client()

    applied = [poll(client, "wait=1").headers.get("Preference-Applied") for _ in range(2)]

    assert applied == ["wait=1", "wait=1"]


@pytest.mark.slow
def test_those_who_wait_keep_no_connection(
    make_app: Callable[..., Application], pool: ThreadPoolExecutor
) -> None:
    app = make_app(threads=8, database_connections=1)
    waiting = wait_all(app, pool, 4)
    with pytest.raises(TimeoutError):
        waiting[0].result(0.5)
    create(app.test_client())

    assert [len(future.result(TIMEOUT).json["data"]) for future in waiting] == [1] * 4


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server runs."""
    return tmp_path_factory.mktemp("followers")


@pytest.fixture(scope="module")
def server_url(blogs: Any, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with two processes, on a database of either kind."""
    with blogs.empty(tmp_path_factory.mktemp("database")) as url, served(place, url) as made:
        yield made


@pytest.fixture(scope="module")
def trial(server_url: str) -> Trial:
    """Four processes that wrote, and clients that followed meanwhile."""
    return run(server_url, SECONDS)


@pytest.mark.long
def test_followers_end_with_just_what_the_server_shows(trial: Trial) -> None:
    assert trial.broken == []
    assert all(follower.copy for follower in [*trial.followers, *trial.late])


@pytest.mark.long
def test_followers_have_seen_every_kind_of_change(trial: Trial) -> None:
    assert {"POST 201", "PATCH 200", "DELETE 204"} <= trial.written.keys()
    assert all(len(follower.counts) == 3 for follower in trial.followers)
    assert all(len(follower.counts) == 3 for follower in trial.late)


@pytest.mark.long
def test_follower_that_is_up_to_date_gets_304(server_url: str, trial: Trial) -> None:
    follower = trial.followers[0]
    follower.poll()
    before = follower.polls[304]

    assert follower.poll() == 0
    assert follower.polls[304] == before + 1


@pytest.mark.long
@pytest.mark.parametrize("caller", FOLLOWERS)
def test_broken_copy_is_found(
    server_url: str, trial: Trial, caller: tuple[str, str] | None
) -> None:
    server = shown(server_url, caller)
    url, post = next(iter(server.items()))
    missing = {other: server[other] for other in server if other != url}

    assert len(differences(missing, server)) == 1
    assert len(differences(server, missing)) == 1
    assert len(differences({**server, url: {**post, "title": "old"}}, server)) == 1
