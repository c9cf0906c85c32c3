"""Many clients that change one post at once, through several processes: nothing gets lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import Post
from blog.database.database import Database
from blog.storage import posts
from tests.access import access_for
from tests.blogs import Blogs
from tests.servers.serving import TIMEOUT, Server, add_author, serve

pytestmark = pytest.mark.long

CLIENTS = 16
UPDATES = 3
RICK = ("rick", "password")


@pytest.fixture(scope="module")
def kept_at(blogs: Blogs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the database that the server uses."""
    with blogs.empty(tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(scope="module")
def server(kept_at: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with four worker processes."""
    directory, env = tmp_path_factory.mktemp("blog"), {"BLOG_DATABASE_URL": kept_at}
    add_author(directory, env=env)
    with serve(directory, "--workers", "4", env=env) as running:
        yield running


@pytest.fixture
def post_url(server: Server) -> str:
    """A new post whose body is a number."""
    response = requests.post(f"{server.url}/post", json={"title": "N", "body": "0"}, auth=RICK)
    assert response.status_code == 201, response.text
    return response.headers["Location"]


def kept(kept_at: str, post_url: str) -> Post:
    """The post as it stands in the database."""
    database = Database(kept_at)
    with database.session() as session:
        found = posts.find(access_for(session, Caller("rick", "author"), utc_now()), post_url[-32:])
    database.close()
    return found


def all_at_once(act: Callable[[requests.Session, int, Barrier], Counter[int]]) -> Counter[int]:
    """Let every client act in a thread of its own; add up the statuses that they got."""
    barrier = Barrier(CLIENTS, timeout=TIMEOUT)

    def run(client: int) -> Counter[int]:
        with requests.Session() as session:
            session.auth = RICK
            try:
                return act(session, client, barrier)
            except BaseException:
                barrier.abort()
                raise

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(run, range(CLIENTS)), Counter())


def test_no_update_with_if_match_is_lost(kept_at: str, post_url: str) -> None:
    def count_up(session: requests.Session, _client: int, barrier: Barrier) -> Counter[int]:
        statuses: Counter[int] = Counter()
        shown = session.get(post_url)
        # All have read the same version now: of the first writes, one alone can succeed.
        barrier.wait()
        while statuses[200] < UPDATES:
            content = {"title": "N", "body": str(int(shown.json()["body"]) + 1)}
            written = session.put(
                post_url, json=content, headers={"If-Match": shown.headers["ETag"]}
            )
            statuses[written.status_code] += 1
            assert written.status_code in (200, 412), written.text
            shown = session.get(post_url)
        return statuses

    statuses = all_at_once(count_up)

    post = kept(kept_at, post_url)
    assert (post.content.body, statuses[200]) == ("48", 48)
    assert post.version == 1 + 48
    assert statuses[412] >= CLIENTS - 1


def test_no_patch_without_precondition_is_lost(kept_at: str, post_url: str) -> None:
    def add_tag(session: requests.Session, client: int, barrier: Barrier) -> Counter[int]:
        operation = {"op": "add", "path": "/tags/-", "value": f"tag {client}"}
        barrier.wait()
        headers = {"Content-Type": "application/json-patch+json"}
        response = session.patch(post_url, json=[operation], headers=headers)
        return Counter([response.status_code])

    statuses = all_at_once(add_tag)

    post = kept(kept_at, post_url)
    assert statuses == {200: 16}
    assert sorted(post.content.tags) == sorted(f"tag {client}" for client in range(CLIENTS))
    assert post.version == 1 + 16
