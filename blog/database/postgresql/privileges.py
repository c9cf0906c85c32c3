"""Whether a connection to PostgreSQL may write: by the rights of its role, and by a setting."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

_IS_READ_ONLY = text("SELECT current_setting('default_transaction_read_only') = 'on'")
_UNWRITABLE = text(
    "SELECT relname::text FROM pg_class WHERE relname IN :tables AND pg_table_is_visible(oid) "
    "AND NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') "
    "AND has_table_privilege(oid, 'DELETE')) ORDER BY relname"
).bindparams(bindparam("tables", expanding=True))


def why_unwritable(connection: Connection, tables: Sequence[str]) -> str | None:
    """Why a write to one of these tables would fail on a primary, None where it would not."""
    if connection.scalar(_IS_READ_ONLY):
        return "default_transaction_read_only is on"
    denied = list(connection.scalars(_UNWRITABLE, {"tables": tables}))
    return f"the database role may not write to {', '.join(denied)}" if denied else None
