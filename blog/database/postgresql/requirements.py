"""What a database on a server has to be, and the schema of it in which the blog is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from blog.errors import DatabaseError

_OLDEST = 150000
_ENCODING = "UTF8"
_TABLES = ("alembic_version", "author", "post")

_NAMES = ", ".join(f"'{table}'" for table in _TABLES)
# The schemas that hold a blog: of all in the database, and in the order of `search_path`.
# Names are of `pg_catalog`, as `search_path` may name it last.
QUESTION = f"""
    SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
        pg_catalog.current_setting('server_encoding'),
        pg_catalog.current_schemas(false)::pg_catalog.text[],
        ARRAY(
            SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
            WHERE c.relname IN ({_NAMES}) AND c.relkind IN ('r', 'p', 'v')
            GROUP BY n.nspname HAVING pg_catalog.count(*) = {len(_TABLES)}
        )
"""  # nosec B608  # all that is put in is a constant of this module


class Surroundings(NamedTuple):
    """What a server says of a database: its version, encoding, `search_path`, and who has a blog.

    ``path`` are the schemas of `search_path` that are there, ``blogs`` those that hold a blog.
    """

    version: int
    encoding: str
    path: Sequence[str]
    blogs: Sequence[str]

    def search_path(self) -> str:
        """A `search_path` that finds the tables of the blog, and never those of another schema.

        Raises DatabaseError where a blog can't be in this database.
        """
        if self.version < _OLDEST:
            raise DatabaseError(
                f"the server is PostgreSQL {self.version // 10000}, and the blog needs "
                f"{_OLDEST // 10000} or newer"
            )
        if self.encoding != _ENCODING:
            raise DatabaseError(
                f"the encoding of the database is {self.encoding}, and the blog needs {_ENCODING}: "
                f"make one with CREATE DATABASE … TEMPLATE template0 ENCODING '{_ENCODING}'"
            )
        # Temporary tables would come first where they are not named.
        return f"{_quoted(self._schema())}, pg_temp"

    def _schema(self) -> str:
        """The first schema that holds a blog, or else the first, in which one is made."""
        path = [name for name in self.path if not name.startswith("pg_")]
        held = [name for name in path if name in self.blogs]
        # Without a `search_path` there is no doubt where there is one blog.
        alone = self.blogs if len(self.blogs) == 1 and not path else ()
        for name in (*held, *path, *alone):
            return name
        raise DatabaseError("search_path names no schema of the database")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
