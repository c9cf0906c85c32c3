"""Whether a connection to PostgreSQL may write: by the rights of its role, and by a setting."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

from blog.storage.tables import metadata

_IS_READ_ONLY = text("SELECT current_setting('default_transaction_read_only') = 'on'")
_UNWRITABLE = text(
    "SELECT relname::text FROM pg_class WHERE relname IN :tables AND pg_table_is_visible(oid) "
    "AND NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') "
    "AND has_table_privilege(oid, 'DELETE')) ORDER BY relname"
).bindparams(bindparam("tables", expanding=True))


def _unwritable_tables(connection: Connection) -> list[str]:
    """The tables of the blog in which this role may not write all that is to be written."""
    return list(connection.scalars(_UNWRITABLE, {"tables": list(metadata.tables)}))


def why_unwritable(connection: Connection) -> str | None:
    """Why a write would fail on a primary, None where it would not."""
    if connection.scalar(_IS_READ_ONLY):
        return "default_transaction_read_only is on"
    tables = _unwritable_tables(connection)
    return f"the database role may not write to {', '.join(tables)}" if tables else None
