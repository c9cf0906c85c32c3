"""Who sees which post: the same by its URL, in lists, and in the counts of tags."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, path_of, write_post
from tests.people import ANN, JOE, RICK

Credentials = tuple[str, str] | None

ANONYMOUS = None
# All are posts of Rick. The clock stands at 09:47 on 22 November 2026.
STATES: Mapping[str, Mapping[str, str]] = {
    "published": {},
    "old": {"postedDate": "2001-01-01T00:00:00Z"},
    "draft": {"status": "draft"},
    "old draft": {"status": "draft", "postedDate": "2001-01-01T00:00:00Z"},
    "scheduled": {"postedDate": "2026-11-22T10:47:45.746058Z"},
}
EVERYTHING = ["draft", "old", "old draft", "published", "scheduled"]
PUBLIC = ["old", "published"]
PUBLIC_ONCE_DUE = ["old", "published", "scheduled"]

WHO_SEES_WHAT = [
    pytest.param(ANONYMOUS, PUBLIC, id="anonymous"),
    pytest.param(RICK, EVERYTHING, id="owner"),
    pytest.param(JOE, PUBLIC, id="other author"),
    pytest.param(ANN, EVERYTHING, id="editor"),
]
WHO_SEES_WHAT_ONCE_DUE = [
    pytest.param(ANONYMOUS, PUBLIC_ONCE_DUE, id="anonymous"),
    pytest.param(RICK, EVERYTHING, id="owner"),
    pytest.param(JOE, PUBLIC_ONCE_DUE, id="other author"),
    pytest.param(ANN, EVERYTHING, id="editor"),
]


@pytest.fixture
def paths(client: FlaskClient) -> Mapping[str, str]:
    """A post in each state, tagged ``all``; their paths."""
    written = {
        state: write_post(client, title=state, tags=["all"], **fields)
        for state, fields in STATES.items()
    }
    return {state: path_of(response.headers["Location"]) for state, response in written.items()}


def found(client: FlaskClient, paths: Mapping[str, str], caller: Credentials) -> list[str]:
    """The states whose post is 200; the others have to be 404."""
    statuses = {state: client.get(path, auth=caller).status_code for state, path in paths.items()}
    assert set(statuses.values()) <= {200, 404}
    return sorted(state for state, status in statuses.items() if status == 200)


def listed(client: FlaskClient, url: str, caller: Credentials) -> list[str]:
    """The titles of a list, sorted."""
    return sorted(post["title"] for post in client.get(url, auth=caller).json["data"])


def counted(client: FlaskClient, caller: Credentials) -> list[int]:
    """The counts of the tags in use."""
    return [tag["count"] for tag in client.get("/tag", auth=caller).json["data"]]


@pytest.mark.parametrize(("caller", "expected"), WHO_SEES_WHAT)
def test_caller_can_get_only_what_they_may_see(
    client: FlaskClient, paths: Mapping[str, str], caller: Credentials, expected: list[str]
) -> None:
    assert found(client, paths, caller) == expected


@pytest.mark.parametrize(("caller", "expected"), WHO_SEES_WHAT_ONCE_DUE)
def test_scheduled_post_can_be_got_by_all_from_its_moment_on(
    client: FlaskClient,
    paths: Mapping[str, str],
    clock: Clock,
    caller: Credentials,
    expected: list[str],
) -> None:
    clock.advance(hours=1)

    assert found(client, paths, caller) == expected


def test_scheduled_post_is_hidden_until_the_microsecond_before(
    client: FlaskClient, paths: Mapping[str, str], clock: Clock
) -> None:
    clock.advance(minutes=59, seconds=59, microseconds=999_999)

    assert found(client, paths, ANONYMOUS) == PUBLIC


@cases("url", ["/post", "/post?tag=ALL", "/post?author=rick", "/post?sort=title"])
@cases(("caller", "expected"), WHO_SEES_WHAT)
@pytest.mark.usefixtures("paths")
def test_list_holds_only_what_the_caller_may_see(
    client: FlaskClient, url: str, caller: Credentials, expected: list[str]
) -> None:
    assert listed(client, url, caller) == expected


@pytest.mark.parametrize("url", ["/post", "/post?tag=all"])
@pytest.mark.parametrize(("caller", "expected"), WHO_SEES_WHAT_ONCE_DUE)
@pytest.mark.usefixtures("paths")
def test_scheduled_post_is_listed_to_all_from_its_moment_on(
    client: FlaskClient, clock: Clock, url: str, caller: Credentials, expected: list[str]
) -> None:
    clock.advance(hours=1)

    assert listed(client, url, caller) == expected


@cases(
    ("status", "caller", "expected"),
    [
        ("published", ANONYMOUS, PUBLIC),
        ("published", RICK, PUBLIC),
        ("published", ANN, PUBLIC),
        ("draft", ANONYMOUS, []),
        ("draft", RICK, ["draft", "old draft"]),
        ("draft", JOE, []),
        ("draft", ANN, ["draft", "old draft"]),
        ("scheduled", ANONYMOUS, []),
        ("scheduled", RICK, ["scheduled"]),
        ("scheduled", JOE, []),
        ("scheduled", ANN, ["scheduled"]),
    ],
)
@pytest.mark.usefixtures("paths")
def test_status_filter_shows_no_more_than_the_caller_may_see(
    client: FlaskClient, status: str, caller: Credentials, expected: list[str]
) -> None:
    assert listed(client, f"/post?status={status}", caller) == expected


@pytest.mark.parametrize(
    ("status", "expected"), [("published", PUBLIC_ONCE_DUE), ("scheduled", [])]
)
@pytest.mark.usefixtures("paths")
def test_status_of_a_scheduled_post_turns_by_itself(
    client: FlaskClient, clock: Clock, status: str, expected: list[str]
) -> None:
    clock.advance(hours=1)

    assert listed(client, f"/post?status={status}", RICK) == expected


@pytest.mark.parametrize(("caller", "expected"), WHO_SEES_WHAT)
@pytest.mark.usefixtures("paths")
def test_tag_counts_only_what_the_caller_may_see(
    client: FlaskClient, caller: Credentials, expected: list[str]
) -> None:
    assert counted(client, caller) == [len(expected)]


@pytest.mark.parametrize(("caller", "expected"), WHO_SEES_WHAT_ONCE_DUE)
@pytest.mark.usefixtures("paths")
def test_scheduled_post_counts_for_its_tag_from_its_moment_on(
    client: FlaskClient, clock: Clock, caller: Credentials, expected: list[str]
) -> None:
    clock.advance(hours=1)

    assert counted(client, caller) == [len(expected)]


@pytest.mark.parametrize(
    ("first", "then", "visible"),
    [
        ({"status": "draft"}, {"status": "published"}, PUBLIC_ONCE_DUE),
        ({"status": "published"}, {"status": "draft"}, PUBLIC),
        ({}, {"postedDate": "2026-11-22T10:47:46Z"}, PUBLIC),
        (
            {"postedDate": "2026-11-22T10:47:46Z"},
            {"postedDate": "2026-11-22T09:47:45Z"},
            PUBLIC_ONCE_DUE,
        ),
    ],
    ids=["published", "turned into a draft", "scheduled again", "brought forward"],
)
def test_edit_decides_at_once_who_sees_the_post(
    client: FlaskClient, first: dict[str, str], then: dict[str, str], visible: list[str]
) -> None:
    for title in PUBLIC:
        write_post(client, title=title, tags=["all"])
    post = write_post(client, title="scheduled", tags=["all"], **first)

    client.patch(path_of(post.headers["Location"]), json=then, auth=RICK)

    assert listed(client, "/post", ANONYMOUS) == visible
    assert listed(client, "/post?tag=all", ANONYMOUS) == visible
    assert counted(client, ANONYMOUS) == [len(visible)]
