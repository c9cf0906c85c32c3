"""Cursors: opaque to a client, and valid for their own list only."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from blog.errors import Malformed
from blog.http.application import Application
from blog.http.cursors import Cursors
from blog.storage.keyset import Position
from tests.contract import faults, path_of, write_post

CURSORS = Cursors("a secret")
VALUES = st.text() | st.datetimes(timezones=st.just(UTC))
KEYS = st.lists(VALUES, min_size=1, max_size=3).map(tuple)
POSITIONS = st.builds(Position, KEYS, backwards=st.booleans(), inclusive=st.booleans())
POSITION = Position((datetime(2026, 11, 22, 9, 47, 45, 746058, tzinfo=UTC), "0199"), backwards=True)


@settings(deadline=None)
@given(POSITIONS, st.text())
def test_a_cursor_leads_back_to_its_place(position: Position, scope: str) -> None:
    assert CURSORS.read(CURSORS.write(position, scope), scope) == position


@settings(deadline=None)
@given(POSITIONS, st.text(), st.text())
def test_a_cursor_of_another_list_is_malformed(position: Position, scope: str, other: str) -> None:
    assume(scope != other)
    cursor = CURSORS.write(position, scope)

    with pytest.raises(Malformed):
        CURSORS.read(cursor, other)


@settings(deadline=None, max_examples=300)
@given(POSITIONS, st.data())
def test_a_changed_cursor_leads_nowhere_else(position: Position, data: st.DataObject) -> None:
    cursor = CURSORS.write(position, "scope")
    start = data.draw(st.integers(0, len(cursor)))
    end = data.draw(st.integers(start, len(cursor)))
    changed = cursor[:start] + data.draw(st.text(max_size=4)) + cursor[end:]

    # Base64 has more than one way to write some values, so a change may mean the same.
    try:
        assert CURSORS.read(changed, "scope") == position
    except Malformed as refusal:
        assert changed != cursor and refusal.faults


@pytest.mark.parametrize("position", range(20))
def test_a_changed_place_is_malformed(position: int) -> None:
    cursor = CURSORS.write(POSITION, "scope")
    letter = "A" if cursor[position] != "A" else "B"

    with pytest.raises(Malformed):
        CURSORS.read(cursor[:position] + letter + cursor[position + 1 :], "scope")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        ".",
        "..",
        "x",
        "W3RydWUsW11d",
        "W3RydWUsW11d.AAAA",
        ".eJw.AAAA",
        "é",
        "\0",
        "a b",
        "A" * 192,
    ],
)
def test_text_that_is_not_a_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed) as refusal:
        CURSORS.read(cursor, "scope")

    assert [fault.parameter for fault in refusal.value.faults] == ["cursor"]


def test_a_cursor_signed_with_another_key_is_malformed() -> None:
    cursor = Cursors("another secret").write(POSITION, "scope")

    with pytest.raises(Malformed, match=r"^cursor is not a cursor of this list"):
        CURSORS.read(cursor, "scope")


def test_every_process_with_the_same_key_reads_the_cursor() -> None:
    assert Cursors("a secret").read(CURSORS.write(POSITION, "scope"), "scope") == POSITION


@pytest.mark.parametrize("title", ["short", "a title that zlib makes shorter " * 5])
def test_a_cursor_of_a_former_version_is_good(title: str) -> None:
    cursor = former_version("scope").dumps([True, False, [title, "0199"]])

    assert CURSORS.read(cursor, "scope") == Position((title, "0199"), backwards=True)


@pytest.mark.parametrize("number", [1, 12_345, 2**62])
def test_a_cursor_is_as_long_for_a_large_number_as_for_a_small_one(number: int) -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)

    assert len(CURSORS.write(Position((number, moment, moment, number)), "scope")) == 192


def test_the_same_position_has_the_same_cursor() -> None:
    assert CURSORS.write(POSITION, "scope") == CURSORS.write(POSITION, "scope")
    assert CURSORS.write(POSITION, "scope") != CURSORS.write(POSITION, "other")


@settings(deadline=None)
@given(POSITIONS)
def test_a_cursor_shows_nothing_of_its_position(position: Position) -> None:
    shown = urlsafe_b64decode(CURSORS.write(position, "scope"))

    assert b"true" not in shown
    assert b"false" not in shown


def former_version(scope: str) -> URLSafeSerializer:
    """A serializer of a former version."""
    options = {"digest_method": sha256}
    return URLSafeSerializer("a secret", salt=f"cursor {scope}", signer_kwargs=options)


@settings(deadline=None)
@given(POSITIONS)
def test_a_cursor_needs_no_escaping_in_a_query(position: Position) -> None:
    cursor = CURSORS.write(position, "scope")

    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_cursor_is_good_at_every_server_with_the_same_secret_key(
    make_app: Callable[..., Application],
) -> None:
    here, there = (make_app(secret_key="one key for both").test_client() for _ in range(2))
    write_post(here)
    write_post(here)
    following = here.get("/post?limit=1").json["_links"]["next"]

    assert len(there.get(path_of(following)).json["data"]) == 1


def test_a_cursor_is_invalid_with_another_secret_key(
    make_app: Callable[..., Application],
) -> None:
    here, there = (
        make_app(secret_key=f"the secret key of {position}") for position in ("here", "there")
    )
    write_post(here.test_client())
    write_post(here.test_client())
    following = here.test_client().get("/post?limit=1").json["_links"]["next"]

    assert "cursor" in faults(there.test_client().get(path_of(following)), 400)
