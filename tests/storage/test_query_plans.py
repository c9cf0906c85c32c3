"""Every request is served along indexes: no sort and no scan, at a million posts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations, product
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from blog.app import create_app
from blog.content.authors import Caller
from blog.database.database import Database
from blog.http.application import Application
from blog.maintenance.rendering import Renewal, find_texts, has_old
from blog.resources import ROUTES
from blog.settings import Settings
from blog.storage import changes, post_list
from blog.storage.changes import BEGINNING, Due, FeedPosition
from blog.storage.keyset import Position
from blog.storage.post_list import SORTS, Filter, PostQuery
from blog.storage.tables import post, revision
from tests.access import access_for
from tests.blogs import Blogs
from tests.contract import Clock, path_of, write_post
from tests.people import ANN, ANN_PASSWORD, RICK, RICK_PASSWORD
from tests.renderings import RENDERER
from tests.servers.postgresql import directory
from tests.storage import million
from tests.storage.plans import Statements, all_faults, conditions, cost, recorded
from tests.tokens import issue

FILTERS = {
    "author": "rick",
    "tag": "news",
    "status": "published",
    "slug": "slug0500001",
    "since": "2018-01-01",
    "until": "2030-01-01",
}
CALLERS = {"anonymous": None, "author": RICK, "editor": ANN}
QUERIES = [
    "&".join(f"{name}={FILTERS[name]}" for name in names)
    for count in range(len(FILTERS) + 1)
    for names in combinations(FILTERS, count)
] + ["status=draft", "status=scheduled", "status=draft&author=rick", "status=draft&tag=news"]
UPDATED_SINCE = [
    f"updatedSince=2018-01-01&{query}"
    for query in ("", "tag=news", "author=rick", "since=2019-01-01")
]
# How a few rows that were looked up one by one are brought into order.
SORTING = {
    *("Sort", "Incremental Sort", "Bitmap Heap Scan", "Bitmap Index Scan", "BitmapOr"),
    *("USE TEMP B-TREE FOR ORDER BY", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"),
}
# PostgreSQL plans for the values that it is given: what few posts have, some, none, or many.
VALUES: dict[str, dict[str, Any]] = {
    "many": {},
    "few": {"author": "joe", "tag": "rare", "since": datetime(2026, 11, 20, tzinfo=UTC)},
    "some": {
        "author": "author0000097",
        "tag": "topic777",
        "since": datetime(2024, 1, 1, tzinfo=UTC),
        "until": datetime(2024, 2, 1, tzinfo=UTC),
    },
    "none": {"author": "nobody", "tag": "nothing", "until": datetime(2001, 1, 1, tzinfo=UTC)},
}
# The longest page, and one row more.
ROWS = 101
MERGE_PATCH = "application/merge-patch+json"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def database_url(blogs: Blogs) -> Iterator[str]:
    """The URL of a database with a million posts."""
    with directory() as place, blogs.copy(place) as url:
        million.fill(url)
        yield url


@pytest.fixture(scope="module")
def app(database_url: str) -> Iterator[Application]:
    """The application on it."""
    # A server that has just written so much may take its time.
    settings = Settings(database_url=database_url, database_connect_timeout=30)
    made = create_app(settings, now=Clock())
    yield made
    made.extensions["blog"].database.close()


@pytest.fixture(scope="module")
def database(app: Application) -> Database:
    """The database as the application has opened it."""
    opened: Database = app.extensions["blog"].database
    return opened


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A connection as a request has it."""
    with database.session() as session:
        yield session.reading()


@pytest.fixture(scope="module")
def lists(app: Application, database: Database) -> Statements:
    """Every statement that reads a list of posts: the first page, the next, and back."""
    client = app.test_client()
    with recorded(database) as statements:
        for sort, auth, query in product(SORTS, CALLERS.values(), QUERIES):
            turn_pages(client, f"/post?limit=1&sort={sort}&{query}".rstrip("&"), auth)
    return {text: values for text, values in statements.items() if "LIMIT" in text}


def turn_pages(client: FlaskClient, path: str, auth: tuple[str, str] | None) -> None:
    """Read the first page of a list, the next, and the one before that."""
    page = client.get(path, auth=auth)
    assert page.status_code == 200, page.text
    for relation in ("next", "prev"):
        if link := page.json["_links"].get(relation):
            page = client.get(path_of(link), auth=auth)


def test_every_list_of_posts_is_read_along_an_index(
    connection: Connection, lists: Statements
) -> None:
    assert len(lists) > 1000
    assert all_faults(connection, lists) == {}


def test_every_list_by_the_date_of_change_is_read_along_an_index(
    client: FlaskClient, database: Database, connection: Connection
) -> None:
    with recorded(database) as statements:
        for sort, auth, query in product(SORTS, CALLERS.values(), UPDATED_SINCE):
            turn_pages(client, f"/post?limit=1&sort={sort}&{query}".rstrip("&"), auth)

    assert all_faults(connection, statements) == {}


@pytest.mark.parametrize("query", ["", "tag=news", "author=rick", "updatedSince=2018-01-01"])
def test_a_list_by_ids_looks_up_each_of_them_and_sorts_them(
    client: FlaskClient, database: Database, connection: Connection, query: str
) -> None:
    ids = ",".join(connection.scalars(select(post.c.id).limit(100)))
    with recorded(database) as statements:
        for sort, auth in product(SORTS, CALLERS.values()):
            turn_pages(client, f"/post?id={ids}&limit=1&sort={sort}&{query}".rstrip("&"), auth)
    lists = {text: values for text, values in statements.items() if "LIMIT" in text}

    steps = {step for faults in all_faults(connection, lists).values() for step in faults}

    assert len(lists) > 10
    assert steps <= SORTING
    assert max(cost(connection, text, values) for text, values in lists.items()) < 30_000


def test_the_end_of_the_changes_is_found_along_an_index(
    client: FlaskClient, database: Database, connection: Connection
) -> None:
    with recorded(database) as statements:
        client.get("/change?after=latest")

    assert all_faults(connection, statements) == {}


def test_a_later_page_is_found_by_its_place(connection: Connection, lists: Statements) -> None:
    later = {text: values for text, values in lists.items() if re.search(r"\) [<>] \(", text)}
    # There is no later page of the one post with a slug.
    later = {text: values for text, values in later.items() if "ORDER BY" in text}

    places = [conditions(connection, text, values) for text, values in later.items()]

    assert len(places) > 500
    assert [place for place in places if not re.search(r"\(\w+, ?\(?(post_)?id\b", place)] == []


def test_every_other_read_is_along_an_index(
    client: FlaskClient, database: Database, connection: Connection
) -> None:
    lists = [path for kind, path in ROUTES if "limit" in kind.parameters and path != "/post"]
    paths = [path for path in lists if "<" not in path]
    single = f"/post/{connection.scalar(select(post.c.id).where(post.c.slug == FILTERS['slug']))}"
    versions = (f"{single}/revision?limit=1", f"{single}/revision/1")
    with recorded(database) as statements:
        for path, auth in product((*paths, "/", single, "/author/rick"), CALLERS.values()):
            turn_pages(client, f"{path}?limit=1" if path in paths else path, auth)
        for path in versions:
            turn_pages(client, path, ANN)

    assert len(statements) > 20
    assert all_faults(connection, statements) == {}


@pytest.mark.parametrize("way", ["password", "token"])
@pytest.mark.parametrize("auth", [RICK_PASSWORD, ANN_PASSWORD])
def test_every_write_finds_its_rows_by_an_index(
    client: FlaskClient,
    database: Database,
    connection: Connection,
    auth: tuple[str, str],
    way: str,
) -> None:
    if way == "token":
        auth = issue(database, auth[0])
    with recorded(database) as statements:
        write_and_delete(client, auth)

    kinds = {text.split()[0] for text in statements}
    assert kinds == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert all_faults(connection, statements) == {}


def test_every_sign_in_finds_its_rows_by_an_index(
    client: FlaskClient, database: Database, connection: Connection
) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    with recorded(database) as statements:
        right = client.get("/", auth=RICK_PASSWORD, environ_overrides=elsewhere)
        wrong = client.get("/", auth=("rick", "wrong password"), environ_overrides=elsewhere)

    assert (right.status_code, wrong.status_code) == (200, 401)
    kinds = {text.split()[0] for text in statements}
    assert kinds == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert all_faults(connection, statements) == {}


def test_posts_to_render_anew_are_found_along_an_index(
    database: Database, connection: Connection
) -> None:
    renewal = Renewal(RENDERER)
    with recorded(database) as statements, database.session() as session:
        assert has_old(session, RENDERER.version)
        renewal.render_batch(session)
        renewal.render_batch(session)
        assert list(find_texts(session, RENDERER.version)) == []

    assert renewal.rendered == 400
    assert {text.split()[0] for text in statements} == {"SELECT", "UPDATE"}
    assert all_faults(connection, statements) == {}


def write_and_delete(client: FlaskClient, auth: tuple[str, str]) -> None:
    """Make every kind of change: two posts with one title, so that a slug has to be found."""
    for _ in range(2):
        path = path_of(write_post(client, auth, tags=["a", "b"]).headers["Location"])
    tag = client.get(path, auth=auth).headers["ETag"]
    new, slug = {"title": "New", "body": "Text", "tags": ["c"]}, {"slug": FILTERS["slug"]}
    own, key = {"bio": path}, {"Idempotency-Key": path}
    date = {"If-Unmodified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"}
    answers = [
        client.put(path, json=new, auth=auth, headers={"If-Match": tag}),
        client.patch(path, json={"title": "Newer"}, auth=auth, content_type=MERGE_PATCH),
        client.patch(path, json=slug, auth=auth, content_type=MERGE_PATCH),
        client.patch(f"/author/{auth[0]}", json=own, auth=auth, content_type=MERGE_PATCH),
        client.put(path, json=new, auth=auth, headers={"If-Match": tag}),
        client.delete(path, auth=auth, headers=date),
        client.post(f"{path}/revision", json={"restore": 1}, auth=auth, headers=key),
        client.post(f"{path}/revision", json={"restore": 2}, auth=auth),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200, 412, 204, 201, 201]


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_costs_the_same_at_any_depth(
    database: Database, connection: Connection, sort: str
) -> None:
    order = [post.c[SORTS[sort].column], post.c.id]
    if SORTS[sort].descending:
        order = [column.desc() for column in order]
    deep = connection.execute(select(*order).order_by(*order).offset(900_000).limit(1)).one()

    first, later = (
        cost(connection, *page_statement(database, sort, position))
        for position in (None, Position(tuple(deep)))
    )

    # The rows of one page may lie closer together than those of another.
    assert later < 2 * first


@pytest.mark.parametrize("caller", [None, Caller("rick", "author"), Caller("ann", "editor")])
def test_a_page_of_changes_costs_the_same_at_any_depth(
    database: Database, connection: Connection, caller: Caller | None
) -> None:
    date = connection.scalar(select(revision.c.updated_date).where(revision.c.sequence == 180_000))
    assert date
    starts = (BEGINNING, FeedPosition(180_000, date, Due(date, 0)))

    first, later = (change_statements(database, caller, start) for start in starts)

    assert first.keys() == later.keys()
    for text in first:
        assert cost(connection, text, later[text]) < 2 * cost(connection, text, first[text])


def change_statements(database: Database, caller: Caller | None, start: FeedPosition) -> Statements:
    """What reads a page of a hundred changes, with its values."""
    with recorded(database) as statements, database.session() as session:
        changes.follow(access_for(session, caller, Clock().now), ROWS - 1, start)
    return statements


def page_statement(database: Database, sort: str, position: Position | None) -> tuple[str, Any]:
    """What reads a page of a hundred posts, with its values."""
    with recorded(database) as statements, database.session() as session:
        post_list.page(
            access_for(session, None, Clock().now),
            PostQuery(ROWS - 1, Filter(), SORTS[sort], position, frozenset({"body"})),
        )
    ((text, values),) = statements.items()
    return text, values


# Without statistics, as a new database is, PostgreSQL plans by rules of thumb.
@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("state", ["new", "analysed"])
@pytest.mark.parametrize("chosen", VALUES)
def test_whatever_the_values_a_list_is_read_along_an_index(
    database: Database, lists: Statements, chosen: str, state: str
) -> None:
    asked = {
        text: {name: VALUES[chosen].get(name, value) for name, value in values.items()}
        | {"row_limit": ROWS}
        for text, values in lists.items()
    }

    with database.engine.connect().execution_options(purpose="writing") as connection:
        if state == "new":
            million.forget(connection)
        assert all_faults(connection, asked) == {}
