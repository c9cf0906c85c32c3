"""Every table that anonymous readers can read has the trigger that notifies caches of a write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.database.postgresql import triggers
from blog.http.application import Application
from blog.storage.tables import PUBLIC_TABLES, metadata
from tests.contract import write_post
from tests.routes import NOWHERE, address, methods_of, routes
from tests.storage.plans import recorded

pytestmark = pytest.mark.databases("postgresql")


def cached_paths(app: Application, *examples: Mapping[str, object]) -> Iterator[str]:
    """The paths of all routes whose responses may be cached."""
    for rule in routes(app):
        resource = app.view_functions[rule.endpoint].view_class
        if resource.cacheable and "GET" in methods_of(rule):
            yield from (address(app, rule, given) for given in examples)


def read_anonymously(client: FlaskClient, path: str) -> None:
    """Read each representation of a resource, and of a query for a tag."""
    refusal = client.get(path, headers={"Accept": "image/png"}).get_json(force=True)
    for media_type in refusal["available"]:
        for query in ("", "?tag=a", "?author=rick"):
            client.get(f"{path}{query}", headers={"Accept": media_type})


def tables_in(statement: str) -> set[str]:
    """The tables that a statement reads."""
    return {
        name for name in metadata.tables if re.search(rf"(?:FROM|JOIN|,)\s+{name}\b", statement)
    }


@pytest.fixture
def read_tables(app: Application, client: FlaskClient, there: Mapping[str, object]) -> set[str]:
    """The tables read for anonymous requests whose responses may be cached."""
    write_post(client, tags=["a"])
    database: Database = app.extensions["blog"].database
    with recorded(database) as statements:
        for path in cached_paths(app, there, NOWHERE):
            read_anonymously(client, path)
    return {table for statement in statements for table in tables_in(statement)}


def test_tables_that_anonymous_requests_read_are_public(read_tables: set[str]) -> None:
    assert read_tables == set(PUBLIC_TABLES)


def test_tables_that_anonymous_requests_read_have_the_trigger(
    read_tables: set[str], database: Database
) -> None:
    with database.session() as session:
        assert triggers.faults(session.reading(), sorted(read_tables)) == []
