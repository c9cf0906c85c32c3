"""Pages by keyset: every post once, in order, whatever comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from blog.content.authors import Caller
from blog.content.posts import Post
from blog.database.database import Database
from blog.database.session import Session
from blog.storage import post_list
from blog.storage.keyset import Page, Position, make_page
from blog.storage.post_list import SORTS, Filter, PostQuery
from blog.storage.tables import post, tag
from tests.access import access_for
from tests.blogs import Blogs
from tests.cases import cases

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=365)
ANN = Caller("ann", "editor")

WALKS = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)


class Row(NamedTuple):
    """What decides where a post stands: few values each, so that many are equal."""

    number: int
    posted: int
    updated: int
    title: str

    @property
    def id(self) -> str:
        return f"{self.number:032x}"


# With 14 posts at most, a walk that takes more pages than this goes round in circles.
MOST_PAGES = 20
ROWS = st.lists(
    st.builds(
        Row,
        st.integers(0, 40),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["a", "B", "Z", "é", "￿", "😀", "a\u0301"]),
    ),
    unique_by=lambda row: row.number,
    max_size=14,
)
LIMITS = st.integers(1, 5)
SORT_NAMES = st.sampled_from(sorted(SORTS))
ORDER: dict[str, Any] = {
    "postedDate": lambda row: (row.posted, row.id),
    "-postedDate": lambda row: (row.posted, row.id),
    "updatedDate": lambda row: (row.updated, row.id),
    "-updatedDate": lambda row: (row.updated, row.id),
    "title": lambda row: (row.title.encode("utf-8"), row.id),
}


@pytest.fixture(scope="module")
def session(blogs: Blogs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a database that every example begins anew with."""
    with blogs.copy(tmp_path_factory.mktemp("paging")) as url:
        database = Database(url)
        with database.session() as session:
            yield session
        database.close()


def fill(session: Session, rows: Sequence[Row]) -> None:
    """Make these the posts of the blog, all of them tagged."""
    with session.writing() as connection:
        connection.execute(delete(post))
        add(session, rows)


def add(session: Session, rows: Sequence[Row]) -> None:
    """Add posts, in the transaction that is under way."""
    if rows:
        session.reading().execute(insert(post), [post_row(row) for row in rows])
        session.reading().execute(insert(tag), [tag_row(row) for row in rows])


def post_row(row: Row) -> dict[str, object]:
    return {
        "id": row.id, "version": 1, "status": "published", "created_date": START,
        "posted_date": START + timedelta(hours=row.posted),
        "updated_date": START + timedelta(hours=row.updated), "author_name": "rick",
        "slug": row.id, "title": row.title, "format": "text", "tags": ["t"], "body": "",
        "body_html": "",
    }  # fmt: skip


def tag_row(row: Row) -> dict[str, object]:
    return {
        "post_id": row.id, "key": "t", "name": "t", "status": "published",
        "sort_date": START + timedelta(hours=row.posted), "author_name": "rick",
        "updated_date": START + timedelta(hours=row.updated), "title": row.title,
    }  # fmt: skip


def read(
    session: Session, sort: str, limit: int, position: Position | None, wanted: Filter
) -> Page[Post]:
    return post_list.page(
        access_for(session, ANN, NOW),
        PostQuery(limit, wanted, SORTS[sort], position, frozenset({"body"})),
    )


def ids(page: Page[Post]) -> list[str]:
    return [item.id for item in page.items]


def in_order(rows: Sequence[Row], sort: str) -> list[str]:
    """The ids of posts in the order that a sort promises."""
    return [row.id for row in sorted(rows, key=ORDER[sort], reverse=sort.startswith("-"))]


@pytest.mark.parametrize("wanted", [Filter(), Filter(tag="T"), Filter(author="rick")])
@WALKS
@given(rows=ROWS, sort=SORT_NAMES, limit=LIMITS)
def test_a_walk_there_and_back_meets_every_post_once(
    session: Session, wanted: Filter, rows: list[Row], sort: str, limit: int
) -> None:
    fill(session, rows)

    there = [read(session, sort, limit, None, wanted)]
    while (position := there[-1].next) and len(there) < MOST_PAGES:
        there.append(read(session, sort, limit, position, wanted))
    back = [there[-1]]
    while (position := back[-1].previous) and len(back) < MOST_PAGES:
        back.append(read(session, sort, limit, position, wanted))

    expected = in_order(rows, sort)
    assert [post_id for page in there for post_id in ids(page)] == expected
    assert [post_id for page in reversed(back) for post_id in ids(page)] == expected


@WALKS
@given(rows=ROWS, sort=SORT_NAMES, limit=LIMITS)
def test_only_the_last_page_is_short(
    session: Session, rows: list[Row], sort: str, limit: int
) -> None:
    fill(session, rows)

    page = read(session, sort, limit, None, Filter())
    while page.next:
        assert len(page.items) == limit
        page = read(session, sort, limit, page.next, Filter())

    assert bool(page.items) == bool(rows)


class Crowd:
    """Posts of which some stay, and others come and go as the data says."""

    def __init__(self, session: Session, rows: Sequence[Row], data: st.DataObject) -> None:
        self._session = session
        self._data = data
        self.staying = self._some(rows)
        self._passing = [row for row in rows if row not in self.staying]
        self._present = self._some(self._passing)
        fill(session, [*self.staying, *self._present])

    def turn(self) -> None:
        """Let some of those that come and go do so."""
        turned = self._some(self._passing)
        gone = [row for row in turned if row in self._present]
        new = [row for row in turned if row not in self._present]
        with self._session.writing() as connection:
            connection.execute(delete(post).where(post.c.id.in_([row.id for row in gone])))
            add(self._session, new)
        self._present = [row for row in [*self._present, *new] if row not in gone]

    def met(self, pages: Sequence[Page[Post]], sort: str) -> None:
        """Assert that pages, in the order of the list, show each post that stayed once."""
        met = [post_id for page in pages for post_id in ids(page)]
        stayed = in_order(self.staying, sort)

        assert len(met) == len(set(met))
        assert [post_id for post_id in met if post_id in stayed] == stayed

    def _some(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if self._data.draw(st.booleans())]


@WALKS
@given(rows=ROWS, sort=SORT_NAMES, limit=LIMITS, data=st.data())
def test_forwards_no_post_is_missed_because_others_come_and_go(
    session: Session, rows: list[Row], sort: str, limit: int, data: st.DataObject
) -> None:
    crowd = Crowd(session, rows, data)

    pages = [read(session, sort, limit, None, Filter())]
    while (position := pages[-1].next) and len(pages) < MOST_PAGES:
        crowd.turn()
        pages.append(read(session, sort, limit, position, Filter()))

    crowd.met(pages, sort)


@WALKS
@given(rows=ROWS, sort=SORT_NAMES, limit=LIMITS, data=st.data())
def test_a_walk_that_turns_round_at_its_end_misses_no_post(
    session: Session, rows: list[Row], sort: str, limit: int, data: st.DataObject
) -> None:
    crowd = Crowd(session, rows, data)
    last = read(session, sort, limit, None, Filter())
    while last.next:
        crowd.turn()
        last = read(session, sort, limit, last.next, Filter())

    pages = [last]
    while (position := pages[0].previous) and len(pages) < MOST_PAGES:
        crowd.turn()
        pages.insert(0, read(session, sort, limit, position, Filter()))

    crowd.met(pages, sort)


def test_no_post_at_all_is_one_empty_page(session: Session) -> None:
    fill(session, [])

    assert read(session, "title", 5, None, Filter()) == Page([], None, None)


def test_a_place_outlives_the_post_it_was_taken_from(session: Session) -> None:
    rows = [Row(number, 0, 0, "a") for number in range(4)]
    fill(session, rows)
    position = read(session, "title", 2, None, Filter()).next
    fill(session, [rows[0], rows[2], rows[3]])

    assert ids(read(session, "title", 2, position, Filter())) == [rows[2].id, rows[3].id]


AFTER, BEFORE = Position(("k",)), Position(("k",), backwards=True)


@pytest.mark.parametrize(
    ("rows", "position", "expected"),
    [
        ("", None, Page("", None, None)),
        ("ab", None, Page("ab", None, None)),
        ("abc", None, Page("ab", None, Position(("b",)))),
        ("lm", AFTER, Page("lm", Position(("l",), True), None)),
        ("lmn", AFTER, Page("lm", Position(("l",), True), Position(("m",)))),
        ("ji", BEFORE, Page("ij", None, Position(("j",)))),
        ("jih", BEFORE, Page("ij", Position(("i",), True), Position(("j",)))),
    ],
)
def test_a_page_is_cut_from_one_row_more_than_it_holds(
    rows: str, position: Position | None, expected: Page[str]
) -> None:
    assert make_page(rows, 2, position, lambda row: (row,)) == expected


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (AFTER, Page("", Position(("k",), backwards=True, inclusive=True), None)),
        (BEFORE, Page("", None, Position(("k",), inclusive=True))),
    ],
)
def test_an_empty_page_leads_back_to_the_row_it_was_reached_from(
    position: Position, expected: Page[str]
) -> None:
    assert make_page("", 2, position, lambda row: (row,)) == expected


# Writes posts, and reads the two pages of them in an order.
Pages = Callable[[str], tuple[Page[Post], Page[Post]]]


@pytest.fixture
def pages(session: Session) -> Pages:
    """Writes four posts, and reads the two pages of them in an order."""

    def fill_and_read(sort: str) -> tuple[Page[Post], Page[Post]]:
        fill(session, [Row(number, 0, 0, "a") for number in range(4)])
        first = read(session, sort, 2, None, Filter())
        return first, read(session, sort, 2, first.next, Filter())

    return fill_and_read


def empty(session: Session, page: Page[Post]) -> None:
    """Delete the posts of a page."""
    with session.writing() as connection:
        connection.execute(delete(post).where(post.c.id.in_(ids(page))))


@cases("sort", sorted(SORTS))
def test_beyond_a_page_that_was_emptied_the_way_back_misses_no_post(
    session: Session, pages: Pages, sort: str
) -> None:
    first, second = pages(sort)

    empty(session, second)
    behind = read(session, sort, 2, first.next, Filter())
    assert (ids(behind), behind.next) == ([], None)
    assert ids(read(session, sort, 2, behind.previous, Filter())) == ids(first)


@cases("sort", sorted(SORTS))
def test_before_a_page_that_was_emptied_the_way_on_misses_no_post(
    session: Session, pages: Pages, sort: str
) -> None:
    first, second = pages(sort)

    empty(session, first)
    before = read(session, sort, 2, second.previous, Filter())
    assert (ids(before), before.previous) == ([], None)
    assert ids(read(session, sort, 2, before.next, Filter())) == ids(second)
