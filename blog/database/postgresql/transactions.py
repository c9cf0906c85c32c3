"""Transactions on PostgreSQL: what begins one, and how it is set up, for it alone."""

from __future__ import annotations

from blog.database.limits import Limits, Purpose

_READ_ONLY = "pg_catalog.set_config('transaction_read_only', 'on', true)"


def opening(limits: Limits, purpose: Purpose, search_path: str) -> str:
    """What begins a transaction for this purpose."""
    mode = "REPEATABLE READ READ ONLY" if purpose == "reading" else "READ COMMITTED"
    return f"BEGIN ISOLATION LEVEL {mode};{_settings(limits, purpose, search_path)}"


def single_reading(limits: Limits, search_path: str) -> str:
    """What stands before a statement that is alone in its transaction, and so sees one moment.

    It is sent with values, so that a percent sign is written twice.
    """
    return f"{_settings(limits, 'reading', search_path)}, {_READ_ONLY}".replace("%", "%%")


def _settings(limits: Limits, purpose: Purpose, search_path: str) -> str:
    """What sets up a transaction for this purpose, once it has begun."""
    # A change of the schema takes as long as it takes, and so does the wait for another's.
    statement, lock = (0, 0) if purpose == "upgrading" else (limits.statement, limits.lock)
    settings = {
        # What a role or a database is set to may name tables of others first.
        "search_path": search_path.replace("'", "''"),
        # Dates near the ends of the calendar have no local time everywhere.
        "TimeZone": "UTC",
        # The driver reads no other style.
        "DateStyle": "ISO",
        # A bitmap loses the order of its index: a page would be sorted out of the whole list.
        "enable_bitmapscan": "off",
        # One process finds the few rows of a page along an index; several would read far more.
        "max_parallel_workers_per_gather": "0",
        # A commit that is not confirmed is a warning.
        "client_min_messages": "warning",
        "statement_timeout": f"{statement * 1000:.0f}",
        "lock_timeout": f"{lock * 1000:.0f}",
    }
    # In one statement, as the driver takes its time for what comes back of each.
    local = [
        f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in settings.items()
    ]
    return f"SELECT {', '.join(local)}"
