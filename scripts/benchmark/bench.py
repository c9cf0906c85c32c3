"""A run: the databases and servers that it needs, and the rounds of measurements."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import databases, machine, startup
from scripts.benchmark.databases import Blog
from scripts.benchmark.figures import Amount, Figures, Results, measure, megabytes, middle
from scripts.benchmark.goals import GROWTH
from scripts.benchmark.loads import Load, WrongAnswer, each_post, newest_post, prepare
from scripts.benchmark.processes import Cores, pinned, resident_bytes
from scripts.benchmark.rows import (
    EACH_POST,
    EACH_POST_OF,
    SIZES,
    START_UP,
    Comparison,
    Kind,
    Row,
    Site,
)
from scripts.benchmark.servers import BLOG, serve, worker
from scripts.benchmark.wrk import Failed
from tests.servers.postgresql import Cluster
from tests.servers.serving import Server

_PART_SECONDS = 15
_MEGABYTE = 1024 * 1024
_NO_BLOG = Blog("", 0, "")


class Plan(NamedTuple):
    """What is measured, how often, and for how many seconds each time."""

    rows: Sequence[Row]
    others: Collection[str]
    rounds: int
    seconds: int
    starts: int


def tell(text: str) -> None:
    """Print the progress on standard error."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """Measures in a directory of its own."""

    def __init__(self, place: Path, cores: Cores, plan: Plan) -> None:
        self._place = place
        self._cores = cores
        self._plan = plan
        self._stack = ExitStack()
        self._blogs: dict[tuple[Kind, str], Blog] = {}
        self._cluster: Cluster | None = None
        self._names = (f"server{number}" for number in count())
        self._results = Results(machine.describe(place))

    def run(self) -> Results:
        """Measure all rows of the plan, and stop all servers."""
        with pinned(self._cores.rest), self._stack:
            self._measure_rows()
            if EACH_POST in self._plan.others:
                self._try(EACH_POST, self._measure_memory)
            if START_UP in self._plan.others:
                self._try(START_UP, self._measure_start_up)
        return self._results

    def _measure_rows(self) -> None:
        with self._servers() as servers:
            loads: dict[str, Load] = {}
            samples: dict[str, list[Figures]] = {row.name: [] for row in self._plan.rows}

            def check(row: Row) -> None:
                loads[row.name] = prepare(row.load(self._blog(row)), servers[row.server].port)

            def sample(row: Row) -> None:
                self._bring_into_memory(row.server)
                figures = measure(servers[row.server], loads[row.name], self._plan.seconds)
                samples[row.name].append(figures)
                tell(f"  {row.name}: {figures.rate:,.0f}/s")

            for row in self._plan.rows:
                self._try(row.name, partial(check, row))
            for number in range(self._plan.rounds):
                tell(f"round {number + 1} of {self._plan.rounds}")
                for row in self._plan.rows:
                    self._try(row.name, partial(sample, row))
        for name, rounds in samples.items():
            if name not in self._results.failures:
                self._results.rows[name] = middle(rounds)

    def _try(self, name: str, act: Callable[[], None]) -> None:
        """Run a step for a row, unless the row has failed before."""
        if name in self._results.failures:
            return
        try:
            act()
        except (Failed, WrongAnswer) as error:
            tell(f"  {name}: failed: {error}")
            self._results.failures[name] = str(error)

    def _measure_memory(self) -> None:
        """Read each post once: the worker may grow by the size of the cache, and little more."""
        tell(EACH_POST)
        blog = self._made(EACH_POST_OF.kind, EACH_POST_OF.blog)
        with self._serve(EACH_POST_OF) as server:
            # What is created at first use does not count as growth.
            measure(server, prepare(newest_post(blog), server.port), 1)
            before = resident_bytes(worker(server))
            self._results.rows[EACH_POST] = _read_each_post(server, blog)
            growth = megabytes(resident_bytes(worker(server)) - before)
        self._results.amounts[GROWTH] = Amount(growth, "MB")

    def _measure_start_up(self) -> None:
        tell(START_UP)
        settings = self._settings(Site("SQLite", "small"))
        amounts = startup.measure(settings, self._place / START_UP, self._cores, self._plan.starts)
        self._results.amounts |= amounts

    @contextmanager
    def _servers(self) -> Iterator[Mapping[Site | Comparison, Server]]:
        """All servers that the rows need, which run until the last round has ended."""
        with ExitStack() as stack:
            wanted = dict.fromkeys(row.server for row in self._plan.rows)
            yield {server: stack.enter_context(self._serve(server)) for server in wanted}

    @contextmanager
    def _serve(self, wanted: Site | Comparison) -> Iterator[Server]:
        command, settings = BLOG, {}
        if isinstance(wanted, Site):
            settings = self._settings(wanted)
        else:
            command = ("scripts.benchmark.serve", wanted.name)
        tell(f"starting {wanted}")
        with serve(command, settings, self._place / next(self._names), self._cores) as server:
            yield server

    def _settings(self, site: Site) -> dict[str, str]:
        url = self._made(site.kind, site.blog).url
        return {
            **dict(site.settings),
            "BLOG_DATABASE_URL": url,
            "BLOG_SECRET_KEY": databases.SECRET_KEY,
        }

    def _bring_into_memory(self, server: Site | Comparison) -> None:
        """Read a database file into memory: the speed of the disk is not compared.

        While it waits for its turn, the system may have taken back the memory that it had.
        """
        if isinstance(server, Site) and server.kind == "SQLite":
            with self._file(server.blog).open("rb", buffering=0) as file:
                while file.read(_MEGABYTE):
                    pass

    def _file(self, name: str) -> Path:
        return self._place / f"{name}.db"

    def _blog(self, row: Row) -> Blog:
        site = row.server
        return self._made(site.kind, site.blog) if isinstance(site, Site) else _NO_BLOG

    def _made(self, kind: Kind, name: str) -> Blog:
        """A blog, created when it is first needed."""
        if (kind, name) not in self._blogs:
            tell(f"{kind}: writing {SIZES[name]:,} posts")
            url = self._url(kind, name)
            self._blogs[kind, name] = databases.make(url, SIZES[name])
        return self._blogs[kind, name]

    def _url(self, kind: Kind, name: str) -> str:
        """The URL of an empty database."""
        if kind == "SQLite":
            return f"sqlite:///{self._file(name)}"
        if self._cluster is None:
            self._cluster = self._stack.enter_context(databases.postgresql(self._place))
        self._cluster.execute(f"CREATE DATABASE {name}")
        return self._cluster.url(name)


def _read_each_post(server: Server, blog: Blog) -> Figures:
    """Read for some seconds, and continue from there until all posts are read."""
    parts, read = [], 0
    while read < blog.posts:
        parts.append(measure(server, prepare(each_post(blog, read), server.port), _PART_SECONDS))
        read += int(parts[-1].requests)
        tell(f"  {read:,} read")
    return middle(parts)
