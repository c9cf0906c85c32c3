"""What the role of a connection may do on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

from blog.storage.tables import metadata

_UNWRITABLE = text(
    "SELECT relname::text FROM pg_class WHERE relname IN :tables AND pg_table_is_visible(oid) "
    "AND NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') "
    "AND has_table_privilege(oid, 'DELETE')) ORDER BY relname"
).bindparams(bindparam("tables", expanding=True))


def unwritable_tables(connection: Connection) -> list[str]:
    """The tables of the blog in which this role may not write all that is to be written."""
    return list(connection.scalars(_UNWRITABLE, {"tables": list(metadata.tables)}))
