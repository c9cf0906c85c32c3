"""What PostgreSQL says where it can't do as it was told, and what of that the blog goes by."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.engine import ExceptionContext

from blog.database.postgresql.connection import Unresponsive
from blog.errors import BlogError, Interrupted, SchemaMismatch, StorageUnavailable, Unwritable

# A transaction that may not write, as on a standby.
_READ_ONLY = "25006"
# What a SQLSTATE says (PostgreSQL's appendix A), by the code or else by its class. What is in
# neither is a mistake of this program: a syntax error, a value out of range, a broken constraint.
_CONFLICT, _STATE, _UNWRITABLE, _LACKING = "conflict", "state", "unwritable", "lacking"
_MEANINGS = {
    "08": _STATE,  # connection exception
    "0A": _STATE,  # feature not supported, as in the middle of a change of the schema
    "0L": _STATE,  # invalid grantor
    "0P": _STATE,  # invalid role specification
    "22021": _STATE,  # character not in repertoire: the encoding of the database
    "22P05": _STATE,  # untranslatable character
    "25": _STATE,  # invalid transaction state, as of a server that can only be read
    _READ_ONLY: _UNWRITABLE,
    "26": _STATE,  # invalid SQL statement name, as behind a pooler
    "28": _STATE,  # invalid authorization specification
    "2B": _STATE,  # dependent privilege descriptors still exist
    "2D": _STATE,  # invalid transaction termination
    "2F": _STATE,  # SQL routine exception, of an administrator's trigger as the next two
    "38": _STATE,  # external routine exception
    "39": _STATE,  # external routine invocation exception
    "3D": _STATE,  # invalid catalog name
    "3F": _STATE,  # invalid schema name
    "40": _CONFLICT,  # transaction rollback
    "42501": _UNWRITABLE,  # insufficient privilege
    "42703": _LACKING,  # undefined column: the schema is another one, as in those that follow
    "42704": _LACKING,  # undefined object
    "42804": _LACKING,  # datatype mismatch
    "42883": _LACKING,  # undefined function
    "42P01": _LACKING,  # undefined table
    "42P10": _LACKING,  # invalid column reference, as without a unique index
    "53": _STATE,  # insufficient resources
    "53100": _UNWRITABLE,  # disk full
    "54": _STATE,  # program limit exceeded
    "55": _STATE,  # object not in prerequisite state, as a lock that was not to be had in time
    "57": _STATE,  # operator intervention
    "58": _STATE,  # system error
    "72": _STATE,  # snapshot too old
    "F0": _STATE,  # configuration file error
    "HV": _STATE,  # foreign data wrapper error
    "P0": _STATE,  # PL/pgSQL error, of an administrator's trigger
    "XX": _STATE,  # internal error
}


def translate(
    error: psycopg.Error, *, lost: bool, last: bool, writing: bool = False
) -> BlogError | None:
    """Our own error for what tells of the state of a server; None for a mistake.

    ``lost`` is whether the connection is, and ``last`` whether what has taken all the time that
    there was is not to be tried again, as that would take as long. What a driver can't send when
    it is ``writing`` is a mistake, and what it can't read is not.
    """
    state, line = error.sqlstate or "", first_line(error)
    meaning = _MEANINGS.get(state, _MEANINGS.get(state[:2]))
    if last and is_late(error):
        return StorageUnavailable(f"the database can't serve now: {line}")
    if lost or meaning == _CONFLICT:
        return Interrupted(f"the database cut this off: {line}")
    if meaning == _UNWRITABLE:
        return Unwritable(f"the database can't be written: {line}")
    if meaning == _LACKING:
        return SchemaMismatch(f"the database can't serve now: {line}")
    unreadable = not (state or writing) and isinstance(error, psycopg.DataError)
    if meaning == _STATE or unreadable or type(error) is psycopg.OperationalError:
        return StorageUnavailable(f"the database can't serve now: {line}")
    return None


def is_late(error: psycopg.Error) -> bool:
    """Whether an answer to something that may take time has not come in time."""
    return isinstance(error, Unresponsive) and not error.idle


def first_line(error: psycopg.Error) -> str:
    """What went wrong, without the lines that may show a whole row, which belongs in no log."""
    return " ".join((error.diag.message_primary or str(error)).split())


def is_primary_no_more(error: psycopg.Error, context: ExceptionContext, has_others: bool) -> bool:
    """Whether a server that has refused a write, as a standby does, is to be left for another one.

    One that a setting has made read-only is to be left only where others may take the write.
    """
    is_refusal = error.sqlstate == _READ_ONLY
    return is_refusal and (has_others or not _is_read_only_by_default(context))


def _is_read_only_by_default(context: ExceptionContext) -> bool:
    """Whether transactions may not write since a setting says so, which the server tells."""
    driver: Any = context.connection and context.connection.connection.driver_connection
    status = driver and driver.info.parameter_status("default_transaction_read_only")
    return bool(status == "on")
