"""The rows of the table, each with its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from scripts.benchmark import loads
from scripts.benchmark.applications import ANSWER
from scripts.benchmark.databases import Blog
from scripts.benchmark.loads import Load

Kind = Literal["SQLite", "PostgreSQL"]

# The blogs by their purpose, and the number of posts that each begins with.
SIZES: Mapping[str, int] = MappingProxyType(
    {"small": 1_000, "written": 1_000, "normal": 1_000, "large": 200_000, "huge": 1_000_000}
)
_NO_CACHE = (("BLOG_CACHE_BYTES", "0"),)
_NORMAL = (("BLOG_SQLITE_SYNCHRONOUS", "normal"),)


class Site(NamedTuple):
    """A server of a blog, with these settings, and the defaults of all others."""

    kind: Kind
    blog: str
    settings: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        settings = (f"{name}={value}" for name, value in self.settings)
        return " ".join([f"a blog on {self.kind} ({self.blog})", *settings])


class Comparison(NamedTuple):
    """A server of another application, by its name in `scripts.benchmark.serve`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Row:
    """A load for a server."""

    name: str
    server: Site | Comparison
    load: Callable[[Blog], Load]

    @property
    def is_quick(self) -> bool:
        """Whether it needs no large database."""
        return isinstance(self.server, Comparison) or SIZES[self.server.blog] <= SIZES["small"]

    @property
    def kind(self) -> Kind | None:
        """The kind of database that it needs."""
        return self.server.kind if isinstance(self.server, Site) else None


def _constant(_blog: Blog) -> Load:
    return loads.constant(ANSWER)


def _reads(kind: Kind) -> Iterator[Row]:
    default, plain = Site(kind, "small"), Site(kind, "small", _NO_CACHE)
    yield Row(f"{kind}: root", default, loads.root)
    yield Row(f"{kind}: one post", default, loads.newest_post)
    yield Row(f"{kind}: page of 20", default, loads.first_page)
    yield Row(f"{kind}: 304", default, loads.known_post)
    yield Row(f"{kind}: one post, no cache", plain, loads.newest_post)
    yield Row(f"{kind}: page of 20, no cache", plain, loads.first_page)
    yield Row(f"{kind}: 304, no cache", plain, loads.known_post)


def _crowds(kind: Kind) -> Iterator[Row]:
    for path in ("/health/live", "/post"):
        load = loads.first_page_beside_long_heads(path)
        yield Row(f"{kind}: page of 20, long heads at {path}", Site(kind, "small"), load)


def _sizes(kind: Kind) -> Iterator[Row]:
    small, large, huge = (Site(kind, name, _NO_CACHE) for name in ("small", "large", "huge"))
    yield Row(f"{kind}: any of 1,000 posts, no cache", small, loads.any_post)
    yield Row(f"{kind}: any of 1,000,000 posts, no cache", huge, loads.any_post)
    yield Row(f"{kind}: page after 180,000 of 200,000, no cache", large, loads.deep_page)
    yield Row(f"{kind}: page after 900,000 of 1,000,000, no cache", huge, loads.deep_page)


def _writes(kind: Kind) -> Iterator[Row]:
    written, normal = Site(kind, "written"), Site(kind, "normal", _NORMAL)
    with_token = loads.new_posts(lambda blog: blog.with_token)
    with_password = loads.new_posts(lambda blog: blog.with_password)
    if kind == "SQLite":
        yield Row("SQLite: POST with a token, FULL", written, with_token)
        yield Row("SQLite: POST with a token, NORMAL", normal, with_token)
    else:
        yield Row("PostgreSQL: POST with a token", written, with_token)
    yield Row(f"{kind}: POST with a password", written, with_password)
    yield Row(f"{kind}: mixed", written, loads.mixed)


def _all(kind: Kind) -> tuple[Row, ...]:
    return (*_reads(kind), *_crowds(kind), *_writes(kind), *_sizes(kind))


ROWS = (
    Row("floor", Comparison("floor"), _constant),
    Row("granian alone", Comparison("granian"), _constant),
    Row("bare Flask", Comparison("flask"), _constant),
    *_all("SQLite"),
    *_all("PostgreSQL"),
)
# Measured once, at the end: the memory for a million reads, none of which is cached.
EACH_POST, EACH_POST_OF = "SQLite: each of 1,000,000 posts once", Site("SQLite", "huge")
START_UP = "start-up"
NAMES = (*(row.name for row in ROWS), EACH_POST, START_UP)
