"""A database, and the sessions in which it is read and written."""

from __future__ import annotations

from blog.database.nodes import Nodes, Source
from blog.database.session import Session


class Database(Nodes):
    """A database: SQLite in a file, or PostgreSQL with its replicas."""

    def session(self, source: Source = "primary", *, single: bool = False) -> Session:
        """A session for one request or one command; ``single`` where it reads at most once."""
        return Session(self, source, single)
