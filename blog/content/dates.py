"""Points in time: aware, in UTC, and in one format (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# A "+" that is not encoded in a query arrives as a space.
_BLANK_FOR_PLUS = re.compile(r"(.*:.*) (\d\d:\d\d)", re.ASCII)


def utc_now() -> datetime:
    """The current time, aware and in UTC."""
    return datetime.now(UTC)


def parse_date_time(text: str) -> datetime:
    """Parse an RFC 3339 date-time with an offset; the result is in UTC, to the microsecond.

    A leap second (RFC 3339 section 5.7) is the last microsecond of the second before it. Raises
    ValueError, with a message for the client, for everything else, a missing offset included: a
    wrong guess would move the post by hours.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(
            f"must be an RFC 3339 date-time with an offset, "
            f"such as 2026-11-22T09:47:45Z, not {text!r:.60}"
        )
    day, time, fraction, offset = match.groups()
    is_leap = time.endswith(":60")
    if is_leap:
        time, fraction = f"{time[:-2]}59", "999999"
    microseconds = f"{fraction or '':0<6.6}"
    try:
        written = datetime.fromisoformat(f"{day}T{time}.{microseconds}{offset.upper()}")
        moment = written.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_such_time(text) from None
    # A leap second is the last one of a day in UTC.
    if is_leap and (moment.hour, moment.minute) != (23, 59):
        raise _no_such_time(text)
    return moment


def _no_such_time(text: str) -> ValueError:
    return ValueError(f"is not a valid date and time: {text!r:.60}")


def parse_moment(text: str) -> datetime:
    """Parse a moment in a query: an RFC 3339 date-time, or a date, which is its start in UTC.

    Raises ValueError with a message for the client.
    """
    if _DATE.fullmatch(text) is None:
        return parse_date_time(_BLANK_FOR_PLUS.sub(r"\1+\2", text))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a valid date: {text!r:.60}") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def format_date_time(moment: datetime) -> str:
    """Format an aware UTC moment as RFC 3339, with ``Z`` and six decimals."""
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
