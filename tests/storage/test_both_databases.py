"""What each database does by rules of its own, and what the blog therefore does itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from blog.app import create_app
from blog.database.database import Database
from blog.settings import Settings
from blog.storage import accounts
from tests.blogs import Blogs
from tests.cases import cases
from tests.contract import Clock, create, path_of, write_post
from tests.people import RICK
from tests.servers.postgresql import Cluster

# Sorted by code point, as no language does it: by case, by accent, by how it is composed, and
# last what UTF-16 would place before the ends of the first plane.
BY_CODE_POINT = [
    '"quoted"', "%", "10", "9", "A", "B a", "B-a", "Ba", "Z", "_", "a", "a b", "ab", "e\u0301",
    "z", "Ä", "ß", "é", "\u0131", "Σ", "ς", "я", "東", "\ufb01", "\uffff", "\U00010000", "😀",
]  # fmt: skip
MEBIBYTE = 1024 * 1024
FIRST, LAST = "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"


def walk(client: FlaskClient, path: str, relation: str = "next") -> Iterator[dict[str, Any]]:
    """The items of a list, page by page along a relation, each page in its own order."""
    next_path: str | None = path
    while next_path:
        page = client.get(next_path).json
        yield from page["data"] if relation == "next" else reversed(page["data"])
        url = page["_links"].get(relation)
        next_path = path_of(url) if url else None


def last_page(client: FlaskClient, path: str) -> str:
    """Where the last page of a list is."""
    page = client.get(path).json
    while "next" in page["_links"]:
        page = client.get(path_of(page["_links"]["next"])).json
    return path_of(page["_links"]["self"])


@pytest.mark.slow
@pytest.mark.parametrize("filtered", ["", "&author=rick", "&tag=t"])
def test_pages_of_titles_go_by_code_point_in_both_directions(
    client: FlaskClient, filtered: str
) -> None:
    for title in reversed(BY_CODE_POINT):
        write_post(client, title=title, tags=["T"])
    path = f"/post?sort=title&limit=4{filtered}"

    onwards = [post["title"] for post in walk(client, path)]
    back = [post["title"] for post in walk(client, last_page(client, path), "prev")]

    assert onwards == BY_CODE_POINT
    assert back == BY_CODE_POINT[::-1]


def test_pages_of_tags_go_by_code_point_of_what_they_are_without_case(client: FlaskClient) -> None:
    # A case is folded first, so that Z comes after a; "ß" is "ss" and "Σ" is lower case.
    ordered = [
        "%",
        "10",
        "9",
        "_",
        "a",
        "a b",
        "B a",
        "B-a",
        "fi",
        "ß",
        "st",
        "Z",
        "é",
        "\u0131",
        "Σ",
    ]
    ordered += ["東", "\uffff", "\U00010000", "😀"]
    write_post(client, tags=ordered[::-1])

    assert [tag["name"] for tag in walk(client, "/tag?limit=3")] == ordered


def test_pages_of_authors_go_by_code_point(client: FlaskClient, database: Database) -> None:
    with database.session() as session:
        for name in ("Zoe", "Ann2", "_", "9", "zoë", "Ärnst", "東", "\U00020000", "a-b", "aB"):
            accounts.add(session, name, "author", "no hash", now=Clock().now)

    names = [author["name"] for author in walk(client, "/author?limit=2")]

    assert names == [
        "9", "Ann2", "Zoe", "_", "a-b", "aB", "ann", "joe", "rick", "zoë", "Ärnst", "東",
        "\U00020000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "asked", "found"),
    [
        ("straße", "STRASSE", True),
        ("STRASSE", "straße", True),
        ("Straße", "STRAẞE", True),
        ("ΟΔΟΣ", "οδος", True),
        ("οδος", "οδοσ", True),
        ("ﬁn", "FIN", True),
        ("K", "\u212a", True),
        ("\u03b9\u0308\u0301", "ΐ", True),
        ("I", "i", True),
        ("I", "\u0131", False),
        ("İ", "i", False),
        ("İ", "i\u0307", True),
        ("é", "e", False),
        ("a b", "a\u00a0b", False),
        ("a-b", "ab", False),
        ("%", "x", False),
        ("_", "x", False),
    ],
)
def test_a_tag_is_found_by_unicode_case_alone(
    client: FlaskClient, kept: str, asked: str, found: bool
) -> None:
    write_post(client, tags=[kept])

    listed = client.get("/post", query_string={"tag": asked}).json["data"]

    assert [post["tags"] for post in listed] == [[kept]] * found


@cases("name", ["RICK", "Rick", "r\u0131ck", "r%", "ric_"])
def test_an_author_is_found_by_the_very_name(client: FlaskClient, name: str) -> None:
    write_post(client)

    assert client.get("/post", query_string={"author": name}).json["data"] == []
    assert client.get(f"/author/{name}").status_code == 404


def test_slugs_that_a_language_holds_equal_are_different(client: FlaskClient) -> None:
    slugs = [
        "ss",
        "ß",
        "i",
        "\u0131",
        "e",
        "é",
        "\u03c3",
        "ς",
        "a-b",
        "a_b",
        "a.b",
        "ab",
        "東",
        "\U00020000",
    ]
    for slug in slugs:
        write_post(client, slug=slug)

    found = [client.get("/post", query_string={"slug": slug}).json["data"] for slug in slugs]

    assert [[post["slug"] for post in posts] for posts in found] == [[slug] for slug in slugs]


@pytest.mark.parametrize("fraction", ["000000", "000001", "000999", "100000", "999999"])
def test_dates_are_kept_to_the_microsecond(client: FlaskClient, fraction: str) -> None:
    dates = [f"{year}-10-10T23:59:59.{fraction}Z" for year in ("0001", "1582", "1969", "9999")]
    paths = [create(client, postedDate=date) for date in dates]

    listed = walk(client, "/post?sort=postedDate&limit=1")
    last = client.get("/post", query_string={"since": dates[-1]}, auth=RICK).json["data"]

    assert [client.get(path, auth=RICK).json["postedDate"] for path in paths] == dates
    assert [post["postedDate"] for post in listed] == dates[:-1]
    assert [post["postedDate"] for post in last] == dates[-1:]


def test_a_clock_is_kept_to_the_microsecond(client: FlaskClient, clock: Clock) -> None:
    path = create(client)
    kept = []
    for microsecond in (0, 1, 999999):
        clock.now = clock.now.replace(year=clock.now.year + 1, microsecond=microsecond)
        client.patch(path, json={"summary": f"{microsecond}"}, auth=RICK)
        kept.append(client.get(path).json["updatedDate"])

    assert [date[-8:] for date in kept] == [".000000Z", ".000001Z", ".999999Z"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [LAST, FIRST]),
        ("since=0001-01-01", [LAST, FIRST]),
        (f"since={FIRST}", [LAST, FIRST]),
        ("since=0001-01-01T00:00:00.000001Z", [LAST]),
        ("since=0001-01-01T01:00:00%2B01:00", [LAST, FIRST]),
        (f"since={LAST}", [LAST]),
        (f"until={LAST}", [FIRST]),
        ("until=9999-12-31T22:59:59.999999-01:00", [FIRST]),
        (f"until={FIRST}", []),
        (f"since={FIRST}&until={LAST}", [FIRST]),
        (f"since={LAST}&until={FIRST}", []),
        ("sort=postedDate&limit=1", [FIRST, LAST]),
        ("sort=-postedDate&limit=1", [LAST, FIRST]),
        ("tag=t&limit=1", [LAST, FIRST]),
    ],
)
def test_the_ends_of_the_calendar_are_dates_like_others(
    client: FlaskClient, clock: Clock, query: str, expected: list[str]
) -> None:
    for date in (FIRST, LAST):
        write_post(client, postedDate=date, tags=["t"])
    # By now even the last moment has come, and both may be read by all.
    clock.now = clock.now.replace(year=9999, month=12, day=31, hour=23, minute=59, second=59)
    clock.now = clock.now.replace(microsecond=999999)

    assert [post["postedDate"] for post in walk(client, f"/post?{query}")] == expected


def test_a_body_of_one_mebibyte_reads_back_byte_for_byte(client: FlaskClient) -> None:
    # Every plane, what is no character, every control but NUL, and what must be escaped.
    planes = range(0x10000, 0x110000, 0x3FFF)
    every = [*range(1, 0xD800), *range(0xE000, 0x10000), *planes, 0x10FFFF]
    text = "".join(map(chr, every)) + "e\u0301\r\n\\u0000\\x00'';--%s:x{}"
    body = text * (MEBIBYTE // len(text.encode()))
    body += "x" * (MEBIBYTE - len(body.encode()))

    path = create(client, body=body, format="text")

    assert len(body.encode()) == MEBIBYTE
    assert client.get(path).json["body"] == body


def test_tags_of_any_characters_are_kept_in_their_order(client: FlaskClient) -> None:
    tags = [
        '"', "'", "\\", '\\"', "\\u0000", "😀", "\u200d😀", "[]", "{}", "null", "1", "e\u0301",
        "\uffff", "</script>", "'; DROP TABLE post; --", "%s", ":key", "$1", "{1,2}",
    ]  # fmt: skip

    path = create(client, tags=tags)

    assert client.get(path).json["tags"] == tags
    assert sorted(tag["name"] for tag in client.get("/tag").json["data"]) == sorted(tags)


@cases("text", ["'", "''", "\\", "\\'", "%s", "%(x)s", ":x", "$1", "?", "\\000"])
def test_text_is_never_taken_for_a_part_of_a_statement(client: FlaskClient, text: str) -> None:
    fields = {"title": text, "body": text, "summary": text, "tags": [text]}

    path = create(client, **fields)

    shown = client.get(path).json
    assert {name: shown[name] for name in fields} == fields
    assert len(client.get("/post", query_string={"tag": text}).json["data"]) == 1


def test_the_longest_values_fit_into_every_index(client: FlaskClient) -> None:
    # Of all characters this one grows most when it is folded: to three of four bytes each.
    longest = {"title": "\U0010ffff" * 300, "slug": "\U0002a6df" * 200, "summary": "😀" * 1000}
    tags = [f"{number:02}" + "\U0001d160" * 48 for number in range(50)]

    path = create(client, **longest, tags=tags)
    write_post(client, **{**longest, "slug": None})

    shown = client.get(path).json
    assert {name: shown[name] for name in longest} == longest
    listed = client.get("/post", query_string={"sort": "title", "tag": tags[49]}).json
    assert [post["tags"] for post in listed["data"]] == [tags]


def test_the_longest_name_is_an_author_like_others(client: FlaskClient, database: Database) -> None:
    # This one letter is eighteen, when names are compared.
    name = "\ufdfa" * 64
    with database.session() as session:
        accounts.add(session, name, "author", "no hash", now=Clock().now)

    assert client.get(f"/author/{name}").json["name"] == name


@pytest.mark.parametrize(
    "setting",
    [
        "timezone = 'Asia/Kathmandu'",
        "datestyle = 'German'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = 'off'",
        "default_transaction_isolation = 'serializable'",
        "bytea_output = 'escape'",
        "enable_seqscan = 'off'",
    ],
)
def test_what_a_server_is_set_to_changes_no_answer(
    setting: str, postgresql: Cluster, postgresql_blogs: Blogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        postgresql.execute(f"ALTER DATABASE {make_url(url).database} SET {setting}")
        app = create_app(Settings(database_url=url), now=Clock())
        with closing(app.extensions["blog"].database):
            client = app.test_client()
            # At the last of them it is the year 10000 in Kathmandu.
            dates = [FIRST, "2026-03-04T05:06:07.999999Z", LAST]
            for date in dates:
                write_post(client, title="\\'é😀", postedDate=date)

            query = {"sort": "postedDate", "since": FIRST}
            listed = client.get("/post", query_string=query, auth=RICK).json["data"]

    assert [post["postedDate"] for post in listed] == dates
    assert {post["title"] for post in listed} == {"\\'é😀"}
