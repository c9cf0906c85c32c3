"""Every list is read along one index, in its order: no sort, whatever the size of the blog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from blog.http.application import Application
from blog.resources import ROUTES
from blog.storage.engine import Database
from tests.contract import path_of, write_post
from tests.people import ANN, RICK

FILTERS = {
    "author": "rick",
    "tag": "news",
    "status": "published",
    "slug": "post",
    "since": "2020-01-01",
    "until": "2030-01-01",
}
SORTS = ("-postedDate", "postedDate", "-updatedDate", "updatedDate", "title")
CALLERS = {"anonymous": None, "author": RICK, "editor": ANN}
QUERIES = [
    "&".join(f"{name}={FILTERS[name]}" for name in names)
    for count in range(len(FILTERS) + 1)
    for names in combinations(FILTERS, count)
] + ["status=draft", "status=scheduled", "status=draft&author=rick"]


@pytest.fixture
def statements(app: Application) -> Iterator[list[tuple[str, Any]]]:
    """Every SELECT that the application runs, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    engine = app.extensions["blog"].database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def plans(database: Database, statements: list[tuple[str, Any]]) -> str:
    """How SQLite means to run the statements."""
    with database.session() as session:
        explained = [
            session.reading().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            for statement, values in statements
        ]
    return "\n".join(row.detail for rows in explained for row in rows)


def pages(client: FlaskClient, path: str, auth: tuple[str, str] | None) -> Iterator[str]:
    """Read the first page of a list; read and give the next, and the one before that."""
    page = client.get(path, auth=auth)
    assert page.status_code == 200, page.text
    for relation in ("next", "prev"):
        if link := page.json["_links"].get(relation):
            page = client.get(path_of(link), auth=auth)
            yield path_of(link)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_list_of_posts_is_sorted_or_scanned(
    client: FlaskClient,
    database: Database,
    statements: list[tuple[str, Any]],
    caller: str,
    sort: str,
) -> None:
    for _ in range(3):
        write_post(client, title="Post", tags=["news"])
    # A tag's index is in the order of dates; its other orders cost as much as it has posts.
    queries = [
        query
        for query in QUERIES
        if "tag=" not in query or "slug=" in query or "Posted" in sort.title()
    ]

    for query in queries:
        statements.clear()
        list(pages(client, f"/post?limit=1&sort={sort}&{query}".rstrip("&"), CALLERS[caller]))
        plan = plans(database, [s for s in statements if "FROM post" in s[0] or "FROM tag" in s[0]])

        assert "TEMP B-TREE" not in plan, (query, plan)
        assert "MULTI-INDEX" not in plan, (query, plan)
        assert not re.search(r"SCAN (post|tag)\b(?! USING)", plan), (query, plan)


def test_no_other_resource_is_sorted_or_scanned(
    client: FlaskClient, database: Database, statements: list[tuple[str, Any]]
) -> None:
    post = write_post(client, tags=["a", "b", "c"]).json["_links"]["self"]
    paths = [path for _, path in ROUTES if "<" not in path and path != "/post"]
    for path in (*paths, path_of(post), "/author/rick"):
        page = client.get(f"{path}?limit=1" if path in ("/author", "/tag") else path)
        if link := page.json["_links"].get("next"):
            client.get(path_of(link))

    plan = plans(database, statements)

    assert "TEMP B-TREE" not in plan
    assert not re.search(r"SCAN \w+\b(?! USING)", plan)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("query", [query for query in QUERIES if "slug=" not in query])
def test_a_later_page_is_found_by_its_place(
    client: FlaskClient,
    database: Database,
    statements: list[tuple[str, Any]],
    caller: str,
    query: str,
) -> None:
    for _ in range(3):
        write_post(client, title="Post", tags=["news"])
    later = list(pages(client, f"/post?limit=1&{query}".rstrip("&"), CALLERS[caller]))
    statements.clear()
    for path in later:
        client.get(path, auth=CALLERS[caller])

    for statement in statements:
        if " < (" in statement[0] or " > (" in statement[0]:
            assert re.search(r"\(sort_date,(post_)?id\)", plans(database, [statement]))
