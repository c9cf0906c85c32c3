"""Errors of PostgreSQL, translated into those of the blog."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.engine import ExceptionContext

from blog.database.postgresql.connection import Unresponsive
from blog.errors import BlogError, Interrupted, SchemaMismatch, StorageUnavailable, Unwritable

# SQLSTATE of a read-only transaction, as on a standby.
_READ_ONLY = "25006"
# The meaning of a SQLSTATE (PostgreSQL's appendix A), by its code or else by its class. Any other
# one is a mistake of this program: a syntax error, a value out of range, a broken constraint.
_CONFLICT, _UNAVAILABLE, _UNWRITABLE, _MISSING = "conflict", "unavailable", "unwritable", "missing"
_MEANINGS = {
    "08": _UNAVAILABLE,  # connection exception
    "0A": _UNAVAILABLE,  # feature not supported, as during a change of the schema
    "0L": _UNAVAILABLE,  # invalid grantor
    "0P": _UNAVAILABLE,  # invalid role specification
    "22021": _UNAVAILABLE,  # character not in repertoire: the encoding of the database
    "22P05": _UNAVAILABLE,  # untranslatable character
    "25": _UNAVAILABLE,  # invalid transaction state, as on a read-only server
    _READ_ONLY: _UNWRITABLE,
    "26": _UNAVAILABLE,  # invalid SQL statement name, as behind a pooler
    "28": _UNAVAILABLE,  # invalid authorization specification
    "2B": _UNAVAILABLE,  # dependent privilege descriptors still exist
    "2D": _UNAVAILABLE,  # invalid transaction termination
    "2F": _UNAVAILABLE,  # SQL routine exception, of an administrator's trigger as the next two
    "38": _UNAVAILABLE,  # external routine exception
    "39": _UNAVAILABLE,  # external routine invocation exception
    "3D": _UNAVAILABLE,  # invalid catalog name
    "3F": _UNAVAILABLE,  # invalid schema name
    "40": _CONFLICT,  # transaction rollback
    "42501": _UNWRITABLE,  # insufficient privilege
    "42703": _MISSING,  # undefined column: the schema differs, as in those that follow
    "42704": _MISSING,  # undefined object
    "42804": _MISSING,  # datatype mismatch
    "42883": _MISSING,  # undefined function
    "42P01": _MISSING,  # undefined table
    "42P10": _MISSING,  # invalid column reference, as without a unique index
    "53": _UNAVAILABLE,  # insufficient resources
    "53100": _UNWRITABLE,  # disk full
    "54": _UNAVAILABLE,  # program limit exceeded
    "55": _UNAVAILABLE,  # object not in prerequisite state, as after a lock timeout
    "57": _UNAVAILABLE,  # operator intervention
    "58": _UNAVAILABLE,  # system error
    "72": _UNAVAILABLE,  # snapshot too old
    "F0": _UNAVAILABLE,  # configuration file error
    "HV": _UNAVAILABLE,  # foreign data wrapper error
    "P0": _UNAVAILABLE,  # PL/pgSQL error, of an administrator's trigger
    "XX": _UNAVAILABLE,  # internal error
}


def translate(
    error: psycopg.Error, *, lost: bool, final: bool, writing: bool = False
) -> BlogError | None:
    """The blog's error for a state of the server; None for a mistake in a statement.

    ``lost`` is whether the connection is lost, ``final`` whether a timeout must not be retried.
    A value that the driver can't handle is a mistake only when ``writing``.
    """
    state, line = error.sqlstate or "", first_line(error)
    meaning = _MEANINGS.get(state, _MEANINGS.get(state[:2]))
    if final and is_timeout(error):
        return StorageUnavailable(f"the database is temporarily unavailable: {line}")
    if lost or meaning == _CONFLICT:
        return Interrupted(f"the database ended this: {line}")
    if meaning == _UNWRITABLE:
        return Unwritable(f"the database can't be written: {line}")
    if meaning == _MISSING:
        return SchemaMismatch(f"the database is temporarily unavailable: {line}")
    unreadable = not (state or writing) and isinstance(error, psycopg.DataError)
    if meaning == _UNAVAILABLE or unreadable or type(error) is psycopg.OperationalError:
        return StorageUnavailable(f"the database is temporarily unavailable: {line}")
    return None


def is_timeout(error: psycopg.Error) -> bool:
    """Whether the server did not respond to a statement in time."""
    return isinstance(error, Unresponsive) and not error.idle


def first_line(error: psycopg.Error) -> str:
    """The message without its later lines, which may show a whole row and must not be logged."""
    return " ".join((error.diag.message_primary or str(error)).split())


def has_lost_primary(error: psycopg.Error, context: ExceptionContext, has_others: bool) -> bool:
    """Whether a server has refused a write as a standby does, so that another one is needed.

    A server that a setting makes read-only counts only if there are other hosts.
    """
    is_refusal = error.sqlstate == _READ_ONLY
    return is_refusal and (has_others or not _is_read_only_by_default(context))


def _is_read_only_by_default(context: ExceptionContext) -> bool:
    """Whether the server has reported that default_transaction_read_only is on."""
    driver: Any = context.connection and context.connection.connection.driver_connection
    status = driver and driver.info.parameter_status("default_transaction_read_only")
    return bool(status == "on")
