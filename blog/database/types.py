"""Column types that behave alike on every database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, Text, TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware date and time, stored in UTC: SQLite would return it without an offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # PostgreSQL returns it in the time zone of the connection.
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class TextTuple(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, stored as a JSON array; None is stored as null."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> list[str] | None:
        return None if value is None else list(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(value)


def line(length: int) -> String:
    """The type of a text up to a length, compared as `text` is."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def text() -> Text:
    """The type of a text that is compared by code point on every database.

    PostgreSQL's default depends on the locale of the cluster; SQLite's is this.
    """
    return Text().with_variant(Text(collation="C"), "postgresql")
