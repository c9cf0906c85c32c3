"""What a PostgreSQL database must provide: version, encoding, schema, and the right to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from blog.errors import DatabaseError

_OLDEST_VERSION = 150000
_ENCODING = "UTF8"
# A schema that has all of these tables holds a blog; those of other programs may have some.
_TABLES = ("alembic_version", "author", "post")

_NAMES = ", ".join(f"'{table}'" for table in _TABLES)
# The fields of `ServerInfo`. Names are qualified, since `search_path` may name `pg_catalog` last.
SERVER_INFO = f"""
    SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version,
        pg_catalog.current_setting('server_encoding') AS encoding,
        pg_catalog.current_schemas(false)::pg_catalog.text[] AS path,
        ARRAY(
            SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
            WHERE c.relname IN ({_NAMES}) AND c.relkind IN ('r', 'p', 'v')
            GROUP BY n.nspname HAVING pg_catalog.count(*) = {len(_TABLES)}
        ) AS blogs
"""  # nosec B608  # every value is a constant of this module

_IS_READ_ONLY = text("SELECT current_setting('default_transaction_read_only') = 'on'")
_UNWRITABLE = text(
    "SELECT relname::text FROM pg_class WHERE relname IN :tables AND pg_table_is_visible(oid) "
    "AND NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') "
    "AND has_table_privilege(oid, 'DELETE')) ORDER BY relname"
).bindparams(bindparam("tables", expanding=True))


class ServerInfo(NamedTuple):
    """The version and encoding of a database, and its schemas.

    ``path`` are the existing schemas in `search_path`, ``blogs`` all schemas that hold a blog.
    """

    version: int
    encoding: str
    path: Sequence[str]
    blogs: Sequence[str]

    def search_path(self) -> str:
        """A `search_path` with the blog's schema alone.

        Raises DatabaseError if the database can't hold a blog.
        """
        if self.version < _OLDEST_VERSION:
            raise DatabaseError(
                f"the server is PostgreSQL {self.version // 10000}, and the blog needs "
                f"{_OLDEST_VERSION // 10000} or newer"
            )
        if self.encoding != _ENCODING:
            raise DatabaseError(
                f"the encoding of the database is {self.encoding}, and the blog needs {_ENCODING}: "
                f"create one with CREATE DATABASE … TEMPLATE template0 ENCODING '{_ENCODING}'"
            )
        # Unless it is named, the schema of temporary tables comes first.
        return f"{_quote(self._schema())}, pg_temp"

    def _schema(self) -> str:
        """The first schema in `search_path` that holds a blog, or else the first one."""
        path = [name for name in self.path if not name.startswith("pg_")]
        with_blog = [name for name in path if name in self.blogs]
        # With an empty `search_path`, a single blog is found all the same.
        only = self.blogs if len(self.blogs) == 1 and not path else ()
        for name in (*with_blog, *path, *only):
            return name
        raise DatabaseError("search_path names no schema of the database")


def why_unwritable(connection: Connection, tables: Sequence[str]) -> str | None:
    """Why a write to one of these tables would fail on a primary; None if it would not."""
    if connection.scalar(_IS_READ_ONLY):
        return "default_transaction_read_only is on"
    denied = list(connection.scalars(_UNWRITABLE, {"tables": tables}))
    return f"the database role may not write to {', '.join(denied)}" if denied else None


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
