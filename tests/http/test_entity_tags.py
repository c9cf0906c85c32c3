"""Entity-tags as clients and proxies send them, in lists that may be malformed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.http.conditional import EntityTags, parse_entity_tags
from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.gateway.cached import Served, served
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

# What proxies make of "{}" when they compress a body.
CODED = [
    *('"{}-gzip"', '"{}-br"', '"{}-zstd"', '"{}--gzip"', '"{}--br"', '"{};gzip"', '"{};br"'),
    *('"{}"-gzip', '"{}";gzip', '"{}"--br', '"a", "{}-gzip" , "b"', '"{}.gzip-gzip"'),
]
# Lists that are wrong in one member or in all, and name nothing.
MALFORMED = [
    *("*, *", '"a", *', "W/*", "**", "'*'", '"', '""', 'W/"', '"a" "b"', "'{}'", '"{}" x'),
    *('"{}-gzip-gzip-gzip"', '"{}-deflate"', '"-gzip"', ",", '"{}'),
]


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return path_of(write_post(client).headers["Location"])


@pytest.fixture
def cached(database_url: str, clock: Clock) -> Iterator[Served]:
    """An application with default settings, behind its cache."""
    with served(clock, database_url=database_url) as made:
        yield made


def bare_tag(client: FlaskClient, path: str) -> str:
    """The entity-tag of a resource without its quotes."""
    return client.get(path).headers["ETag"].strip('"')


def patch(client: FlaskClient, path: str, condition: str) -> Any:
    """Change a post where If-Match holds."""
    headers = {"If-Match": condition}
    return client.patch(path, json={"title": "Second!"}, auth=RICK, headers=headers)


@cases("form", CODED)
def test_if_match_holds_for_a_tag_to_which_a_proxy_added_a_coding(
    client: FlaskClient, path: str, form: str
) -> None:
    assert patch(client, path, form.format(bare_tag(client, path))).status_code == 200


@cases("form", [form for form in CODED if ".gzip" not in form])
def test_a_client_whose_tag_a_proxy_has_changed_gets_304(
    client: FlaskClient, path: str, form: str
) -> None:
    known = form.format(bare_tag(client, path))

    for condition in (known, f"W/{known}"):
        assert client.get(path, headers={"If-None-Match": condition}).status_code == 304


@cases("form", ['"{}-gzip"', 'W/"{};gzip"', '"{}"--br'])
def test_a_client_whose_tag_a_proxy_has_changed_gets_304_from_the_cache(
    cached: Served, form: str
) -> None:
    path = cached.write()
    tag = cached.get(path).headers["etag"].strip('"')
    before = cached.calls
    response = cached.get(path, if_none_match=form.format(tag))

    assert (response.status, cached.calls) == (304, before)


@cases("condition", MALFORMED)
def test_a_malformed_list_matches_nothing(client: FlaskClient, path: str, condition: str) -> None:
    condition = condition.format(bare_tag(client, path))

    assert_problem(patch(client, path, condition), 412)
    assert client.get(path, headers={"If-None-Match": condition}).status_code == 200


def test_a_malformed_member_leaves_the_others(client: FlaskClient, path: str) -> None:
    assert patch(client, path, f'"a" b, *, "{bare_tag(client, path)}"').status_code == 200


@cases("condition", ["{}", " {} ", "a,{}", "{}-gzip"])
def test_quotes_may_be_missing(client: FlaskClient, path: str, condition: str) -> None:
    assert patch(client, path, condition.format(bare_tag(client, path))).status_code == 200


@cases("condition", ['W/"{}"', 'w/"{}"', '"a", W/"{}"', 'W/"{}-gzip"', 'W/"a"'])
@cases("method", ["GET", "PATCH"])
def test_a_weak_tag_in_if_match_is_412_that_says_why(
    client: FlaskClient, path: str, method: str, condition: str
) -> None:
    headers = {"If-Match": condition.format(bare_tag(client, path))}
    body = {"title": "Second!"} if method == "PATCH" else None
    response = client.open(path, method=method, json=body, auth=RICK, headers=headers)

    assert "never match" in assert_problem(response, 412)["detail"]


def test_a_strong_tag_in_a_list_with_a_weak_one_matches(client: FlaskClient, path: str) -> None:
    assert patch(client, path, f'W/"a", "{bare_tag(client, path)}"').status_code == 200


def test_a_stale_tag_is_412_that_says_so(client: FlaskClient, path: str) -> None:
    detail = assert_problem(patch(client, path, '"a"'), 412)["detail"]

    assert detail == "the post has changed since"


def test_a_digest_that_ends_like_a_coding_is_read_as_it_is_too() -> None:
    assert parse_entity_tags('"digest---gzip"').strong == {
        *("digest---gzip", "digest--", "digest-")
    }


def test_an_asterisk_alone_is_every_tag() -> None:
    assert parse_entity_tags(" * ") == EntityTags(star=True)
