"""The targets of the blog, and whether it meets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from blog.settings import Settings
from scripts.benchmark.figures import Results, megabytes
from scripts.benchmark.rows import EACH_POST, Kind
from scripts.benchmark.startup import VERSION

GROWTH = f"{EACH_POST}: growth of the worker"


class Verdict(NamedTuple):
    """The measured value, the target, and whether it was met."""

    figure: str
    bound: str
    is_met: bool


def _ratio(results: Results, row: str, of: str) -> float | None:
    """The ratio of the rates of two rows; None if one was not measured."""
    if not results.rows.keys() >= {row, of}:
        return None
    return results.rows[row].rate / results.rows[of].rate


class AtLeast(NamedTuple):
    """A rate of at least this many times that of another row."""

    what: str
    row: str
    times: float
    of: str

    def judge(self, results: Results) -> Verdict | None:
        """Whether it is met; None if a row was not measured."""
        ratio = _ratio(results, self.row, self.of)
        return (
            None
            if ratio is None
            else Verdict(f"{ratio:.2f}", f"≥ {self.times} of {self.of}", ratio >= self.times)
        )


class CostAtMost(NamedTuple):
    """A processor time of at most this many times that of another row."""

    what: str
    row: str
    times: float
    of: str

    def judge(self, results: Results) -> Verdict | None:
        """Whether it is met; None if a row was not measured."""
        ratio = _ratio(results, self.of, self.row)
        return (
            None
            if ratio is None
            else Verdict(f"{ratio:.2f}", f"≤ {self.times}", ratio <= self.times)
        )


class MedianAtMost(NamedTuple):
    """A median of at most this many times that of another row."""

    what: str
    row: str
    times: float
    of: str

    def judge(self, results: Results) -> Verdict | None:
        """Whether it is met; None if a row was not measured."""
        if not results.rows.keys() >= {self.row, self.of}:
            return None
        ratio = results.rows[self.row].p50 / results.rows[self.of].p50
        return Verdict(f"{ratio:.2f}", f"≤ {self.times}", ratio <= self.times)


class AmountAtMost(NamedTuple):
    """At most this amount of a measurement, in its unit."""

    what: str
    most: float

    def judge(self, results: Results) -> Verdict | None:
        """Whether it is met; None if it was not measured."""
        amount = results.amounts.get(self.what)
        if amount is None:
            return None
        return Verdict(str(amount), f"≤ {self.most:.3g} {amount.unit}", amount.value <= self.most)


Goal = AtLeast | CostAtMost | MedianAtMost | AmountAtMost


def _cache_megabytes() -> float:
    """The default size of the response cache of a worker."""
    return megabytes(int(Settings.model_fields["cache_bytes"].default))


def _of(kind: Kind) -> Iterator[Goal]:
    for what in ("one post", "page of 20", "304"):
        yield AtLeast(f"{kind}: {what} from the cache", f"{kind}: {what}", 0.75, "floor")
    for what, times in (("one post, no cache", 0.5), ("page of 20, no cache", 0.25)):
        yield AtLeast(f"{kind}: {what}", f"{kind}: {what}", times, "bare Flask")
    for path in ("/health/live", "/post"):
        yield MedianAtMost(
            f"{kind}: median of a page beside 100 clients with 31 KB of Accept at {path}",
            f"{kind}: page of 20, long heads at {path}",
            3,
            f"{kind}: page of 20",
        )
    yield AtLeast(f"{kind}: mixed, 1 write in 100", f"{kind}: mixed", 0.4, "floor")
    yield CostAtMost(
        f"{kind}: page after 900,000 of 1,000,000, against the first of 1,000",
        f"{kind}: page after 900,000 of 1,000,000, no cache",
        1.15,
        f"{kind}: page of 20, no cache",
    )
    yield CostAtMost(
        f"{kind}: a post of 1,000,000, against one of 1,000",
        f"{kind}: any of 1,000,000 posts, no cache",
        1.1,
        f"{kind}: any of 1,000 posts, no cache",
    )


GOALS: tuple[Goal, ...] = (
    *_of("SQLite"),
    AtLeast(
        "SQLite: POST with a token, FULL",
        "SQLite: POST with a token, FULL",
        0.35,
        "bare Flask",
    ),
    AtLeast(
        "SQLite: POST with a token, NORMAL",
        "SQLite: POST with a token, NORMAL",
        0.35,
        "bare Flask",
    ),
    *_of("PostgreSQL"),
    AmountAtMost(GROWTH, _cache_megabytes() + 20),
    AmountAtMost(VERSION, 0.3),
)
