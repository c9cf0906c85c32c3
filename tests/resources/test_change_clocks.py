"""Following the changes where the clocks of nodes differ: nothing is missed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from blog.content.authors import Caller
from blog.content.posts import PostContent, Status
from blog.http.application import Application
from blog.storage import changes, post_writes
from tests.access import access_for
from tests.contract import Clock, path_of
from tests.people import RICK

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def publish(app: Application, clock: Clock, ahead: timedelta, status: Status = "published") -> str:
    """Have a node whose clock is so far ahead publish a post, or write a draft; its path."""
    with app.extensions["blog"].database.session() as session:
        content = PostContent(title="a", body="", status=status)
        created = post_writes.create(
            access_for(session, Caller("rick", "author"), clock.now + ahead), content
        )
    return f"/post/{created.id}"


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), MINUTE])
def test_what_a_node_that_is_a_little_ahead_publishes_is_in_the_feed_once_it_can_be_read(
    app: Application, client: FlaskClient, clock: Clock, ahead: timedelta
) -> None:
    path = publish(app, clock, ahead)
    early = client.get("/change").json
    clock.now += ahead

    (entry,) = client.get(path_of(early["_links"]["next"])).json["data"]

    assert early["data"] == []
    assert (path_of(entry["_links"]["post"]), entry["title"]) == (path, "a")
    assert client.get(path).status_code == 200


def test_what_a_node_that_is_far_ahead_publishes_is_reported_as_not_there_yet(
    app: Application, client: FlaskClient, clock: Clock
) -> None:
    path = publish(app, clock, 60 * MINUTE)

    (entry,) = client.get("/change?fields=title").json["data"]

    assert (entry["operation"], entry["post"]) == ("created", None)
    assert client.get(path).status_code == 404


def test_what_is_scheduled_after_a_clock_was_far_ahead_is_in_the_feed_once_it_can_be_read(
    app: Application, client: FlaskClient, clock: Clock
) -> None:
    path = publish(app, clock, 365 * DAY, status="draft")
    changed = {"status": "published", "postedDate": (clock.now + DAY).isoformat()}
    scheduled = client.patch(path, json=changed, auth=RICK)
    early = client.get("/change").json
    clock.now += DAY

    (entry,) = client.get(path_of(early["_links"]["next"])).json["data"]

    assert (scheduled.status_code, early["data"]) == (200, [])
    assert (entry["operation"], entry["title"]) == ("created", "a")


def test_a_later_follower_gets_once_what_was_scheduled_after_a_wrong_clock(
    app: Application, client: FlaskClient, clock: Clock
) -> None:
    path = publish(app, clock, 365 * DAY, status="draft")
    changed = {"status": "published", "postedDate": (clock.now + DAY).isoformat()}
    client.patch(path, json=changed, auth=RICK)
    clock.now += 400 * DAY

    (entry,) = client.get("/change").json["data"]

    assert (entry["operation"], entry["title"]) == ("created", "a")


def test_follower_who_asks_again_for_what_is_not_there_has_it_once_it_is(
    app: Application, client: FlaskClient, clock: Clock
) -> None:
    publish(app, clock, 60 * MINUTE)
    told = [path_of(entry["_links"]["post"]) for entry in client.get("/change").json["data"]]
    early = [client.get(path).status_code for path in told]
    clock.now += 60 * MINUTE

    assert (early, [client.get(path).status_code for path in told]) == ([404], [200])


def test_latest_stands_before_what_can_not_be_read_yet(
    app: Application, client: FlaskClient, clock: Clock
) -> None:
    publish(app, clock, -MINUTE)
    path = publish(app, clock, MINUTE / 2)
    publish(app, clock, timedelta(0))
    page = client.get("/change?after=latest").json
    clock.now += MINUTE

    following = client.get(path_of(page["_links"]["next"])).json["data"]

    assert path_of(following[0]["_links"]["post"]) == path


def test_latest_of_what_is_all_readable_is_the_last_commit(app: Application, clock: Clock) -> None:
    for _ in range(3):
        publish(app, clock, -MINUTE)

    with app.extensions["blog"].database.session() as session:
        assert changes.latest(access_for(session, None, clock.now)).sequence == 3
