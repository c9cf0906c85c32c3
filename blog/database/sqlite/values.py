"""Converting values to and from the types that SQLite stores.

SQLite accepts a value of any type in any column, and has no types for moments and lists. A value
that can't be converted is a fault of the file, like a damaged page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, Date, DateTime, Dialect, Integer
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from blog.database.compiled_statements import Converter
from blog.database.types import TextTuple, UTCDateTime
from blog.errors import StorageUnavailable

_TEXT = frozenset({str})
# SQLAlchemy calls these for NULL too.
_Processor = Callable[[Any], Any]


def to_stored(value: object) -> object:
    """The value as the file stores it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")
    return orjson.dumps(value).decode() if isinstance(value, tuple) else value


def refuse_blobs(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row factory that raises an error for a blob, since no column of this program has any.

    Numbers in text columns are no problem: SQLite converts them to text.
    """
    # A loop over the values would take as long as fetching them.
    if bytes in map(type, row):
        columns = (described[0] for described in cursor.description)
        names = (name for name, value in zip(columns, row, strict=True) if type(value) is bytes)
        raise _unreadable(f"a blob in {', '.join(names)}")
    return row


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text + "+00:00")
    except (TypeError, ValueError) as error:
        raise _unreadable("a moment that can't be read") from error
    # Without a time, the offset was parsed as one.
    if moment.tzinfo is None:
        raise _unreadable("a moment that can't be read")
    return moment


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise _unreadable("a date that can't be read") from error


def _read_texts(text: str) -> tuple[str, ...]:
    try:
        texts = orjson.loads(text)
    except ValueError as error:
        raise _unreadable("a list that is not JSON") from error
    if type(texts) is not list or not _TEXT.issuperset(map(type, texts)):
        raise _unreadable("JSON that is not a list of texts")
    return tuple(texts)


def _read_number(value: int) -> int:
    if type(value) is not int:
        raise _unreadable("a text instead of a number")
    return value


def _unreadable(fault: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"the database is temporarily unavailable: a row has {fault}; "
        "`blog database check` names the rows"
    )


CONVERTERS: dict[type, Converter] = {
    UTCDateTime: _read_moment,
    Date: _read_date,
    TextTuple: _read_texts,
    Integer: _read_number,
    BigInteger: _read_number,
}


def _unless_null(convert: Converter) -> _Processor:
    return lambda value: None if value is None else convert(value)


class _Moment(sqlite.DATETIME):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _unless_null(_read_moment)


class _Date(sqlite.DATE):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _unless_null(_read_date)


class _Texts(sqlite.JSON):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _unless_null(_read_texts)


class _Number(Integer):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _unless_null(_read_number)


# The types that SQLAlchemy uses instead of its own.
TYPES: dict[type[TypeEngine[Any]], type[TypeEngine[Any]]] = {
    DateTime: _Moment,
    Date: _Date,
    JSON: _Texts,
    Integer: _Number,
}
