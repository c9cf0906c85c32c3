"""Points in time: which texts are read as one, and how one is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.dates import format_date_time, parse_date_time, parse_moment, utc_now


def test_the_clock_gives_aware_utc() -> None:
    assert utc_now().tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T09:47:45Z", "2026-11-22T09:47:45.000000Z"),
        ("2026-11-22t09:47:45z", "2026-11-22T09:47:45.000000Z"),
        ("2026-11-22 09:47:45Z", "2026-11-22T09:47:45.000000Z"),
        ("2026-11-22T09:47:45.746058Z", "2026-11-22T09:47:45.746058Z"),
        ("2026-11-22T09:47:45.7Z", "2026-11-22T09:47:45.700000Z"),
        ("2026-11-22T09:47:45.0000019Z", "2026-11-22T09:47:45.000001Z"),
        ("2026-11-22T00:30:00+01:00", "2026-11-21T23:30:00.000000Z"),
        ("2026-11-22T23:30:00-05:30", "2026-11-23T05:00:00.000000Z"),
        ("2026-11-22T09:47:45-00:00", "2026-11-22T09:47:45.000000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T15:59:60-08:00", "2016-12-31T23:59:59.999999Z"),
        ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_date_time_is_read_and_written_in_utc(text: str, expected: str) -> None:
    assert format_date_time(parse_date_time(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T09:47:45",
        "2026-11-22T09:47Z",
        "2026-11-22T09:47:45.Z",
        "2026-11-22T09:47:45,5Z",
        "2026-11-22T09:47:45+0100",
        "2026-11-22T09:47:45+01",
        "2026-11-22T09:47:45+00:60",
        "2026-W47-7T09:47:45Z",
        "20261122T094745Z",
        "26-11-22T09:47:45Z",
        "2026-11-22T09:47:45Z\n",
        " 2026-11-22T09:47:45Z",
        "٢٠٢٦-11-22T09:47:45Z",
        "Sun, 22 Nov 2026 09:47:45 GMT",
        "now",
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an RFC 3339 date-time with an offset, such as"):
        parse_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T09:60:00Z",
        "2026-11-22T09:47:60Z",
        "2026-11-22T23:59:60+01:00",
        "2026-11-22T23:59:61Z",
        "2026-11-22T09:47:45+24:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_a_time_that_never_is_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a valid date and time: "):
        parse_date_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00 05:30", "2025-12-31T18:30:00.000000Z"),
        ("2026-01-01 00:00:00.5 05:30", "2025-12-31T18:30:00.500000Z"),
    ],
)
def test_a_plus_that_was_read_as_a_blank_is_understood(text: str, expected: str) -> None:
    assert format_date_time(parse_moment(text)) == expected


@pytest.mark.parametrize("text", ["2026-01-01 05:30", "2026-01-01T00:00:00  05:30"])
def test_another_blank_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an RFC 3339 date-time"):
        parse_moment(text)


def test_a_long_text_is_not_shown_in_full() -> None:
    with pytest.raises(ValueError) as refusal:
        parse_date_time("x" * 1000)

    assert str(refusal.value).endswith(f"not '{'x' * 59}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T09:47:45+01:00", datetime(2026, 11, 22, 8, 47, 45, tzinfo=UTC)),
    ],
)
def test_a_date_alone_means_its_first_moment_in_utc(text: str, expected: datetime) -> None:
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026-02-30", "^is not a valid date: '2026-02-30'$"),
        ("2026-11", "^must be an RFC 3339 date-time with an offset, such as"),
        ("2026-11-22Z", "^must be an RFC 3339 date-time with an offset, such as"),
        ("2026-11-22\n", "^must be an RFC 3339 date-time with an offset, such as"),
    ],
)
def test_what_is_neither_date_nor_date_time_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_moment(text)


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back_as_the_same_moment(moment: datetime) -> None:
    assert parse_date_time(format_date_time(moment)) == moment


@settings(deadline=None)
@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_an_offset_does_not_move_the_moment(wall: datetime, minutes: int) -> None:
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    read = parse_date_time(moment.isoformat())

    assert (read, read.tzinfo) == (moment, UTC)


@settings(deadline=None)
@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=5))
def test_moments_sort_as_their_texts_do(moments: list[datetime]) -> None:
    texts = [format_date_time(moment) for moment in moments]

    assert sorted(texts) == [format_date_time(moment) for moment in sorted(moments)]
