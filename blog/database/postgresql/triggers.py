"""The triggers by which PostgreSQL notifies of writes: creating and checking them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

CHANNEL = "blog_written"
NAME = "tell_of_write"
# AFTER INSERT, UPDATE, DELETE and TRUNCATE, FOR EACH STATEMENT (PostgreSQL's `pg_trigger.h`).
EVENTS = 4 + 8 + 16 + 32

_BODY = f"BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END"
# Whether a trigger fires: whatever `session_replication_role` is; unless that is `replica`.
_ALWAYS, _USUALLY = "A", "O"


class Trigger(NamedTuple):
    """The trigger of one table, as the catalog describes it.

    ``enabled`` is None if there is no such trigger. ``body`` is that of its function, and
    ``version`` changes with each change of either. ``subscribed`` is whether logical replication
    writes to the table, ``replicating`` whether a session may be set up as that of a replica, and
    ``owned`` whether this role may change the table.
    """

    table: str
    enabled: str | None
    body: str | None
    version: str
    subscribed: bool
    replicating: bool
    owned: bool

    def fault(self) -> str | None:
        """Why a write to the table may cause no notification; None if each does."""
        trigger = f"the trigger {NAME} of the table {self.table}"
        if self.enabled is None:
            return f"{trigger} is missing"
        if self.body != _BODY:
            return f"{trigger} calls another function"
        if self.enabled not in (_ALWAYS, _USUALLY):
            return f"{trigger} is disabled"
        if self.enabled == _USUALLY and self.replicating:
            return f"{trigger} is disabled by session_replication_role=replica"
        if self.subscribed:
            return f"a subscription writes to the table {self.table}, which fires no trigger"
        return None

    def is_as_created(self) -> bool:
        """Whether it is as `create` creates it."""
        return (self.enabled, self.body) == (_ALWAYS, _BODY)


def query(tables: Sequence[str]) -> str:
    """A query for the fields of `Trigger`, for each of these tables.

    A setting of a role or a database applies to later sessions. The `xmin` of a catalog's row
    changes with the row, so that a trigger that was disabled for a moment is noticed too.
    """
    names = ", ".join(f"('{table}')" for table in sorted(tables))
    return f"""
        SELECT wanted.name AS "table", t.tgenabled::text AS enabled, p.prosrc AS body,
            concat_ws(' ', t.oid, t.xmin, p.oid, p.xmin) AS version,
            EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = c.oid) AS subscribed,
            current_setting('session_replication_role') = 'replica' OR EXISTS (
                SELECT FROM pg_db_role_setting
                WHERE setdatabase IN (
                    0, (SELECT oid FROM pg_database WHERE datname = current_database())
                ) AND strpos(lower(setconfig::text), 'session_replication_role=replica') > 0
            ) AS replicating,
            coalesce(pg_has_role(c.relowner, 'USAGE'), false) AS owned
        FROM (VALUES {names}) AS wanted (name)
        LEFT JOIN pg_class c
            ON c.relname = wanted.name AND c.relnamespace = (
                SELECT oid FROM pg_namespace WHERE nspname = current_schema()
            )
        LEFT JOIN pg_trigger t
            ON t.tgrelid = c.oid AND t.tgname = '{NAME}' AND t.tgtype = {EVENTS}
            AND t.tgqual IS NULL
        LEFT JOIN pg_proc p ON p.oid = t.tgfoid
        ORDER BY wanted.name
    """  # nosec B608  # the names are those of the program's own tables


def all_faults(triggers: Iterable[Trigger]) -> list[str]:
    """Why a write may cause no notification, one sentence for each table."""
    return [fault for trigger in triggers if (fault := trigger.fault())]


def faults(connection: Connection, tables: Sequence[str]) -> list[str]:
    """The same, for these tables of a database of any kind."""
    return all_faults(_find(connection, tables))


def can_repair(connection: Connection, tables: Sequence[str]) -> bool:
    """Whether `create` would change something, and this role may do so."""
    found = _find(connection, tables)
    return all(each.owned for each in found) and not all(each.is_as_created() for each in found)


def create(connection: Connection, tables: Sequence[str]) -> None:
    """Create the triggers of these tables, or replace and enable those that exist.

    They fire in sessions with the role of a replica too, such as those that restore a dump.
    """
    if connection.dialect.name != "postgresql":
        return
    run = connection.exec_driver_sql
    run(f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$")
    for table in tables:
        run(
            f"CREATE OR REPLACE TRIGGER {NAME} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {NAME}()"
        )
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {NAME}")


def _find(connection: Connection, tables: Sequence[str]) -> list[Trigger]:
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.exec_driver_sql(query(tables)).mappings()
    return [Trigger(**row) for row in rows]
