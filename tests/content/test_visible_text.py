"""Text is what it seems: one line, something to see, and no mark of how a file was saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.content.authors import check_name
from blog.content.texts import is_visible
from blog.content.tokens import check_label
from blog.errors import AccountError
from tests.cases import cases
from tests.contract import create, faults, read
from tests.people import RICK
from tests.rivals import change

pytestmark = pytest.mark.databases("sqlite")

LINE_BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
UNSEEN = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180e", "\u200b", "\u200d"),
    *("\u202e", "\u2060", "\u2065", "\u2800", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\ufff0"),
    *("\u0301", "\u20e3", "\U0001d159", "\U000e0001", "\U000e0100", "\u3164 \u2800\ufe0f"),
]
SEEN = ["a", "1", "-", "_", "☺", "你", "\ue000", "\U0001fae8", "1\ufe0f\u20e3", "\u202ba\u202c"]
# What a post and a profile have on one line.
ONE_LINE = [("/post", "title"), ("/post", "tags"), ("/author/rick", "displayName")]


def refused(client: FlaskClient, path: str, name: str, text: str) -> dict[str, str]:
    """The faults of a text in a field of a new post, or of the profile of Rick."""
    value: Any = [text] if name == "tags" else text
    if path == "/post":
        sent = {"title": "T", "body": "", name: value}
        return faults(client.post(path, json=sent, auth=RICK), 422)
    return faults(client.patch(path, json={name: value}, auth=RICK), 422)


@cases("text", LINE_BREAKS)
@cases(("path", "name"), ONE_LINE)
def test_a_text_on_one_line_has_no_line_break(
    client: FlaskClient, path: str, name: str, text: str
) -> None:
    (where,) = refused(client, path, name, f"a{text}b")

    assert where.startswith(f"#/{name}")


@cases("text", UNSEEN)
@cases(("path", "name"), ONE_LINE)
def test_a_text_on_one_line_has_something_to_see(
    client: FlaskClient, path: str, name: str, text: str
) -> None:
    assert set(refused(client, path, name, text).values()) == {"must contain a visible character"}


@cases("text", SEEN)
def test_whatever_can_be_seen_is_a_title(client: FlaskClient, text: str) -> None:
    assert read(client, create(client, title=text))["title"] == text


@pytest.mark.parametrize("text", [*UNSEEN, " ", "\t"])
def test_a_character_without_a_shape_is_not_visible(text: str) -> None:
    assert not any(map(is_visible, text))


@pytest.mark.parametrize("name", ["\u3164", "a\u3164", "rick\u115f", "\uffa0"])
def test_a_name_of_an_author_holds_nothing_unseen(name: str) -> None:
    with pytest.raises(AccountError, match="can't be a name"):
        check_name(name)


@pytest.mark.parametrize("label", ["\u3164", "\ufe0f", "\u0301"])
def test_a_label_of_a_token_has_something_to_see(label: str) -> None:
    with pytest.raises(AccountError, match="can't be a label"):
        check_label(label)


def test_a_byte_order_mark_before_a_body_is_dropped(client: FlaskClient) -> None:
    assert read(client, create(client, body="\ufeff# T\ufeff"))["body"] == "# T\ufeff"


def test_a_byte_order_mark_before_a_document_is_ignored(client: FlaskClient) -> None:
    document = b"\xef\xbb\xbf" + json.dumps({"title": "T", "body": ""}).encode()

    response = client.post("/post", data=document, content_type="application/json", auth=RICK)

    assert response.status_code == 201


@pytest.mark.parametrize("query", ["tag=%20Web", "tag=web%09", "slug=first+", "author=%20rick%20"])
def test_a_filter_is_trimmed(client: FlaskClient, query: str) -> None:
    create(client, slug="first", tags=["Web"])

    assert len(client.get(f"/post?{query}").json["data"]) == 1


@pytest.fixture
def old(client: FlaskClient, database_url: str) -> str:
    """A post from before the rules: no title to see, and a slug with a variation selector."""
    path = create(client, slug="first")
    change(database_url, "UPDATE post SET title = '\u3164\u2028', slug = 'a\ufe0f'")
    return path


def test_an_old_post_is_read(client: FlaskClient, old: str) -> None:
    assert read(client, old)["title"] == "\u3164\u2028"


@pytest.mark.parametrize("media_type", ["merge-patch", "json-patch"])
def test_a_patch_of_something_else_leaves_an_old_title_alone(
    client: FlaskClient, old: str, media_type: str
) -> None:
    operations = [{"op": "replace", "path": "/summary", "value": "New"}]
    sent: object = {"summary": "New"} if media_type == "merge-patch" else operations

    response = client.patch(
        old, json=sent, content_type=f"application/{media_type}+json", auth=RICK
    )

    assert response.status_code == 200
    post = read(client, old)
    assert (post["title"], post["slug"], post["summary"]) == ("\u3164\u2028", "a\ufe0f", "New")


def test_an_old_post_that_is_sent_back_is_taken(client: FlaskClient, old: str) -> None:
    post = {**read(client, old), "summary": "New"}

    assert client.put(old, json=post, auth=RICK).json["summary"] == "New"


def test_an_old_title_can_only_be_changed_to_one_that_is_valid(
    client: FlaskClient, old: str
) -> None:
    assert faults(client.patch(old, json={"title": "\u3164"}, auth=RICK), 422).keys() == {"#/title"}


def test_an_old_title_is_no_title_for_another_post(client: FlaskClient, old: str) -> None:
    response = client.post("/post", json={**read(client, old), "slug": "other"}, auth=RICK)

    assert faults(response, 422).keys() == {"#/title"}


def test_an_old_profile_can_be_changed(client: FlaskClient, database_url: str) -> None:
    change(database_url, "UPDATE author SET display_name = '\u3164' WHERE name = 'rick'")

    response = client.patch("/author/rick", json={"bio": "New"}, auth=RICK)

    assert (response.json["displayName"], response.json["bio"]) == ("\u3164", "New")


def test_a_derived_slug_shows_nothing_that_cannot_be_seen(client: FlaskClient) -> None:
    response = client.get(create(client, title="1\ufe0f\u20e3 don\u2019t ☺\ufe0f"))

    assert response.json["slug"] == "1-dont"
