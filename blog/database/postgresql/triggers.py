"""The triggers by which PostgreSQL tells of writes: whether each of them works, and making them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

CHANNEL = "blog_written"
NAME = "tell_of_write"
# What readers see is in these tables.
TABLES = ("author", "post", "revision", "tag")

_BODY = f"BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END"
# After INSERT, UPDATE, DELETE and TRUNCATE, for each statement (PostgreSQL's `pg_trigger.h`).
EVENTS = 4 + 8 + 16 + 32
# Fired whatever `session_replication_role` a session has; fired unless it is `replica`.
_ALWAYS, _USUALLY = "A", "O"

_NAMES = ", ".join(f"('{table}')" for table in TABLES)
# A setting of a role or a database is that of sessions to come. A row of the catalog that is
# changed gets another `xmin`, so that a trigger that was off for a moment shows too.
STATES = f"""
    SELECT told.name, t.tgenabled::text, p.prosrc,
        concat_ws(' ', t.oid, t.xmin, p.oid, p.xmin),
        EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = c.oid),
        current_setting('session_replication_role') = 'replica' OR EXISTS (
            SELECT FROM pg_db_role_setting
            WHERE setdatabase IN (
                0, (SELECT oid FROM pg_database WHERE datname = current_database())
            ) AND strpos(lower(setconfig::text), 'session_replication_role=replica') > 0
        ),
        coalesce(pg_has_role(c.relowner, 'USAGE'), false)
    FROM (VALUES {_NAMES}) AS told (name)
    LEFT JOIN pg_class c
        ON c.relname = told.name AND c.relnamespace = (
            SELECT oid FROM pg_namespace WHERE nspname = current_schema()
        )
    LEFT JOIN pg_trigger t
        ON t.tgrelid = c.oid AND t.tgname = '{NAME}' AND t.tgtype = {EVENTS} AND t.tgqual IS NULL
    LEFT JOIN pg_proc p ON p.oid = t.tgfoid
    ORDER BY told.name
"""  # nosec B608  # all that is put in is a constant of this module


class State(NamedTuple):
    """The trigger of one table, as the catalog has it.

    ``enabled`` is None where there is no such trigger, ``body`` what its function does, and
    ``version`` another text once either was changed. ``subscribed`` is whether logical replication
    writes to the table, ``replicating`` whether sessions may be set up as those of a replica, and
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
        """Why a write to the table may not be told, None where each is."""
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

    def is_as_made(self) -> bool:
        """Whether it is as `make` leaves it."""
        return (self.enabled, self.body) == (_ALWAYS, _BODY)


def read_states(rows: Iterable[Sequence[Any]]) -> list[State]:
    """What `STATES` gives, for each of the tables."""
    return [State(*row) for row in rows]


def faults(states: Iterable[State]) -> list[str]:
    """Why a write may not be told, a sentence for each table."""
    return [fault for state in states if (fault := state.fault())]


def untold(connection: Connection) -> list[str]:
    """Why a write to this database may not be told, a sentence for each table."""
    return faults(_states(connection))


def is_mendable(connection: Connection) -> bool:
    """Whether `make` would change something, and this role may do so."""
    states = _states(connection)
    return all(state.owned for state in states) and not all(s.is_as_made() for s in states)


def make(connection: Connection) -> None:
    """Make all triggers, and those that are there as they have to be.

    They are fired in sessions of a replica too, as those that restore a dump.
    """
    if connection.dialect.name != "postgresql":
        return
    run = connection.exec_driver_sql
    run(f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$")
    for table in TABLES:
        run(
            f"CREATE OR REPLACE TRIGGER {NAME} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {NAME}()"
        )
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {NAME}")


def _states(connection: Connection) -> list[State]:
    if connection.dialect.name != "postgresql":
        return []
    return read_states(connection.exec_driver_sql(STATES))
