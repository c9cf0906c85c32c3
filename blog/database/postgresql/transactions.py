"""The SQL that begins a transaction on PostgreSQL, sets it up, and takes its advisory locks."""

from __future__ import annotations

from sqlalchemy import text

from blog.database.limits import Limits, Purpose

# Keys of advisory locks, chosen so that no other program uses them.
# Held by a transaction that writes while no other queued one does.
_QUEUE_KEY = 0x626C6F67
# Held from the last statement of a transaction to its end, so that commits have an order.
_ORDER_KEY = 0x626C6F68
# The first key of a lock on a name, whose hash is the second one.
_NAME_KEY = 0x626C6F69
# The same for locks that are not waited for.
_TRY_KEY = 0x626C6F6A

LOCK_QUEUE = f"SELECT pg_advisory_xact_lock({_QUEUE_KEY})"
LOCK_ORDER = f"SELECT pg_advisory_xact_lock({_ORDER_KEY})"
LOCK_NAME = text(f"SELECT pg_advisory_xact_lock({_NAME_KEY}, hashtext(:name))")
TRY_LOCK_NAME = text(f"SELECT pg_try_advisory_xact_lock({_TRY_KEY}, hashtext(:name))")

_READ_ONLY = "pg_catalog.set_config('transaction_read_only', 'on', true)"


def begin_statement(limits: Limits, purpose: Purpose, search_path: str) -> str:
    """What begins a transaction for this purpose."""
    mode = "REPEATABLE READ READ ONLY" if purpose == "reading" else "READ COMMITTED"
    return f"BEGIN ISOLATION LEVEL {mode};{_settings(limits, purpose, search_path)}"


def single_read_prefix(limits: Limits, search_path: str) -> str:
    """What precedes a statement that is a transaction by itself.

    It is sent with parameters, so a percent sign is doubled.
    """
    return f"{_settings(limits, 'reading', search_path)}, {_READ_ONLY}".replace("%", "%%")


def _settings(limits: Limits, purpose: Purpose, search_path: str) -> str:
    """The settings of a transaction for this purpose, in one statement.

    The driver takes some time for the result of each statement.
    """
    # Changing the schema has no time limit, nor has waiting for another process that does.
    statement, lock = (0, 0) if purpose == "upgrading" else (limits.statement, limits.lock)
    settings = {
        # The setting of a role or a database may name schemas of other programs first.
        "search_path": search_path.replace("'", "''"),
        # Some time zones have no local time for dates near the ends of the calendar.
        "TimeZone": "UTC",
        # The only style that the driver reads.
        "DateStyle": "ISO",
        # A bitmap scan returns rows unordered, so a page would need a sort of the whole list.
        "enable_bitmapscan": "off",
        # One process finds the few rows of a page by an index; parallel ones would read far more.
        "max_parallel_workers_per_gather": "0",
        # A commit that a standby has not confirmed is a warning.
        "client_min_messages": "warning",
        "statement_timeout": f"{statement * 1000:.0f}",
        "lock_timeout": f"{lock * 1000:.0f}",
    }
    local = [
        f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in settings.items()
    ]
    return f"SELECT {', '.join(local)}"
