"""Fixtures of copies that fail: a large database, and a disk that is too small for it."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from blog.database.database import Database
from blog.storage.tables import setting


@pytest.fixture
def large_database(database: Database) -> Database:
    """A database of more than a million bytes."""
    with database.session() as session, session.writing() as connection:
        connection.execute(insert(setting).values(name="large", value="x" * 1_000_000))
    return database


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file that is written now may have more than 100,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
