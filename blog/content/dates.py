"""Points in time: aware, in UTC, and written one way (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# A "+" that was not encoded in a query is read as a blank.
_BLANK_FOR_PLUS = re.compile(r"(.*:.*) (\d\d:\d\d)", re.ASCII)


def utc_now() -> datetime:
    """The one clock: the present moment, aware and in UTC."""
    return datetime.now(UTC)


def parse_date_time(text: str) -> datetime:
    """Read an RFC 3339 date-time with its offset; give it in UTC, to the microsecond.

    A leap second (RFC 3339 section 5.7) is the last microsecond of the second before it. Raises
    ValueError, with a sentence for the client, for anything else: a missing offset too, since
    guessing one would move the post by hours.
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
    return ValueError(f"is not a date and time that exists: {text!r:.60}")


def parse_moment(text: str) -> datetime:
    """Read the moment in a query: an RFC 3339 date-time, or a date for its first moment in UTC.

    Raises ValueError with a sentence for the client.
    """
    if _DATE.fullmatch(text) is None:
        return parse_date_time(_BLANK_FOR_PLUS.sub(r"\1+\2", text))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a date that exists: {text!r:.60}") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def format_date_time(moment: datetime) -> str:
    """Write an aware UTC moment as RFC 3339 with ``Z`` and always six decimals."""
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
