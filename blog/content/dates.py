"""Points in time: aware, in UTC, and written one way (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def utc_now() -> datetime:
    """The one clock: the present moment, aware and in UTC."""
    return datetime.now(UTC)


def parse_date_time(text: str) -> datetime:
    """Read an RFC 3339 date-time with its offset; give it in UTC, to the microsecond.

    Raises ValueError, with a sentence for the client, for anything else: a missing offset too,
    since guessing one would move the post by hours.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(
            f"must be an RFC 3339 date-time with an offset, "
            f"such as 2026-11-22T09:47:45Z, not {text!r:.60}"
        )
    day, time, fraction, offset = match.groups()
    microseconds = f"{fraction or '':0<6.6}"
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{microseconds}{offset.upper()}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"is not a date and time that exists: {text!r:.60}") from None


def parse_moment(text: str) -> datetime:
    """Read an RFC 3339 date-time, or a date, which means its first moment in UTC.

    Raises ValueError with a sentence for the client.
    """
    if _DATE.fullmatch(text) is None:
        return parse_date_time(text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a date that exists: {text!r:.60}") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def format_date_time(moment: datetime) -> str:
    """Write an aware UTC moment as RFC 3339 with ``Z`` and always six decimals."""
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
