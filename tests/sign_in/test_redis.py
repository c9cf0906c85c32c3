"""Failed sign-ins counted in Redis, and its outages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blog.app import create_app
from blog.errors import InvalidSetting
from blog.http.application import Application
from blog.settings import Settings, read_settings, show
from tests.blogs import Blogs
from tests.contract import assert_problem
from tests.people import RICK_PASSWORD
from tests.rivals import connected
from tests.servers.redis import PASSWORD, Redis, is_installed, server
from tests.servers.serving import run_blog

WRONG = ("rick", "wrong password")
MOST = 3

MakeClient = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def running() -> Iterator[Redis]:
    """A Redis server for the tests of this file."""
    if not is_installed():
        pytest.skip("Redis is not installed")
    with server() as made:
        yield made


@pytest.fixture
def redis(running: Redis) -> Iterator[Redis]:
    """The server, with nothing in it; it runs again after the test."""
    yield running
    running.stop()
    running.start()


@pytest.fixture
def url(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own."""
    with sqlite_blogs.copy(tmp_path) as made:
        yield made


@pytest.fixture
def make_client(url: str, redis: Redis) -> Iterator[MakeClient]:
    """Makes clients, each of a process of its own that counts in Redis."""
    made: list[Application] = []

    def make(rate_limit_url: str = redis.url) -> FlaskClient:
        settings = Settings(database_url=url, sign_in_failures=MOST, rate_limit_url=rate_limit_url)
        made.append(create_app(settings))
        return made[-1].test_client()

    yield make
    for app in made:
        app.extensions["blog"].database.close()


def statuses(client: FlaskClient, times: int) -> list[int]:
    """Sign in wrongly a number of times; return the statuses."""
    return [client.get("/", auth=WRONG).status_code for _ in range(times)]


def test_processes_count_together_in_redis(make_client: MakeClient) -> None:
    first, second = make_client(), make_client()
    before = statuses(first, 2) + statuses(second, 1)
    response = second.get("/", auth=RICK_PASSWORD)

    assert before == [401] * MOST
    assert_problem(response, 429)
    assert 290 <= int(response.headers["Retry-After"]) <= 300


def test_the_database_is_not_counted_in(make_client: MakeClient, redis: Redis, url: str) -> None:
    statuses(make_client(), MOST)

    with connected(url) as rival:
        assert rival.execute("SELECT * FROM attempt") == []
    assert [key.partition("/")[0] for key in redis.names()] == ["blog:failure"] * 2


def test_a_socket_will_do(make_client: MakeClient, redis: Redis) -> None:
    client = make_client(f"redis+unix://:{PASSWORD}@{redis.socket}")

    assert statuses(client, MOST + 1) == [401, 401, 401, 429]
    assert len(redis.names()) == 2


def test_a_known_address_is_not_held_by_the_authors_count(make_client: MakeClient) -> None:
    assert make_client().get("/", auth=RICK_PASSWORD).status_code == 200
    client = make_client()
    for number in range(MOST):
        elsewhere = {"REMOTE_ADDR": f"203.0.113.{number}"}
        assert client.get("/", auth=WRONG, environ_overrides=elsewhere).status_code == 401

    assert client.get("/", auth=RICK_PASSWORD).status_code == 200
    another = client.get("/", auth=RICK_PASSWORD, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert_problem(another, 429)


def test_while_redis_is_away_each_process_counts_for_itself(
    make_client: MakeClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    redis.stop()

    assert statuses(client, MOST + 1) == [401, 401, 401, 429]
    assert make_client().get("/", auth=RICK_PASSWORD).status_code == 200
    assert PASSWORD not in caplog.text


def test_sign_ins_continue_while_redis_does_not_respond(
    make_client: MakeClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    with redis.frozen():
        answers = [*statuses(client, 1), client.get("/", auth=RICK_PASSWORD).status_code]

    assert answers == [401, 200]
    # The second did not wait for the storage that had just failed.
    assert caplog.text.count("failed sign-ins are counted by each process for itself") == 1


def test_a_connection_that_was_lost_is_made_anew(
    make_client: MakeClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    statuses(client, 1)
    redis.stop()
    redis.start()

    assert statuses(client, 1) == [401]
    assert len(redis.names()) == 2
    assert "by each process for itself" not in caplog.text


def test_a_wrong_password_of_redis_is_logged(
    make_client: MakeClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(f"redis://:wrong@127.0.0.1:{redis.port}")

    assert statuses(client, 1) == [401]
    assert "invalid username-password pair" in caplog.text


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://localhost?socket_timeout=soon", "socket_timeout"),
        ("redis://localhost?nonsense=1", "nonsense"),
        ("rediss://localhost?ssl_cert_reqs=perhaps", "perhaps"),
        ("redis://:s3cret@local[host", "can't be read"),
        ("memcached://:s3cret@localhost", "begin with redis://"),
    ],
)
def test_a_url_that_can_not_be_used_stops_the_start(
    url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_RATE_LIMIT_URL", url)

    with pytest.raises(InvalidSetting, match=f"^BLOG_RATE_LIMIT_URL: '.*{fault}") as caught:
        read_settings()
    assert PASSWORD not in str(caught.value)


def test_the_password_of_redis_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_RATE_LIMIT_URL", f"redis://:{PASSWORD}@localhost:6379/0")
    shown = {setting.name: setting.value for setting in show(read_settings())}

    assert shown["BLOG_RATE_LIMIT_URL"] == "redis://:***@localhost:6379/0"


def test_missing_driver_is_one_line_that_names_what_to_install(tmp_path: Path) -> None:
    env = {"BLOG_RATE_LIMIT_URL": "redis://localhost"}
    ended = run_blog(tmp_path, "serve", env=env, without="redis")

    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: BLOG_RATE_LIMIT_URL: 'redis://localhost' is invalid: "
        "Redis needs redis-py; in the checkout, pip install '.[redis]'\n"
    )
