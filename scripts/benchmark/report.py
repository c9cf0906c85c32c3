"""The tables that a run prints, and how they are to be read."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.benchmark.figures import Figures, Results
from scripts.benchmark.goals import GOALS

# Above this wrk could be what is measured.
_BUSY = 0.9
# Above this what is measured is also what else the machine does.
_DISTURBED = 0.1

_HEAD = (
    "| | requests/s | of floor | of bare Flask | CPU µs | p50 ms | p99 ms | memory MB | wrk |\n"
    "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
)
NOTES = """
- One worker on one core, 16 connections of wrk on another; PostgreSQL runs where wrk does. CPU is
  that of the worker for a request, and of PostgreSQL nothing is in it. The last column is how much
  of its core wrk itself has used.
- "floor" is a WSGI function that answers 1 KB, and "bare Flask" a route that does, both served as
  `blog serve` serves the blog: same server, gateway and threads. They have no access log; the blog
  writes a line for each request to a file.
- "granian alone" is the same function on the server's own WSGI interface, with as many threads.
  That is another design, in which a slow client can keep a thread: it shows what the gateway costs.
- POST: FULL, the default, survives a power cut; NORMAL may lose the last commits in one, up to
  16 MB of log, and never corrupts the file. A password is hashed once a minute, for so long it is
  remembered when right.
- long heads: 100 more clients ask with 31 KB of Accept each time, and are refused.
- mixed: one POST in 100; else the first page and the ten newest posts, in turn.
- A page deep in a list, and posts at random, are read without the cache, so as to ask the database.
"""


def render(results: Results) -> str:
    """All of it, in Markdown."""
    tables = (_rows(results), _amounts(results), _goals(results))
    parts = [results.machine, *tables, NOTES.strip(), *_warnings(results)]
    return "\n\n".join(part for part in parts if part)


def _rows(results: Results) -> str:
    """A line for each row, in the order in which they were asked for."""
    lines = [_row(name, figures, results) for name, figures in results.rows.items()]
    return "\n".join([_HEAD, *lines]) if lines else ""


def _row(name: str, figures: Figures, results: Results) -> str:
    cells = [
        name,
        f"{figures.rate:,.0f}",
        _ratio(figures, results, "floor"),
        _ratio(figures, results, "bare Flask"),
        f"{figures.cpu:,.0f}",
        f"{figures.p50:.2f}",
        f"{figures.p99:.1f}",
        f"{figures.memory:.0f}",
        f"{figures.client:.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def _ratio(figures: Figures, results: Results, of: str) -> str:
    """How many times as often it is answered as something else of the same run."""
    return f"{figures.rate / results.rows[of].rate:.2f}" if of in results.rows else ""


def _amounts(results: Results) -> str:
    lines = [f"| {name} | {amount} |" for name, amount in results.amounts.items()]
    return "\n".join(["| | |\n| --- | --: |", *lines]) if lines else ""


def _goals(results: Results) -> str:
    """What was to be reached, and was or was not, as far as it was measured."""
    judged = [(goal.what, goal.judge(results)) for goal in GOALS]
    lines = [
        f"| {what} | {verdict.bound} | {verdict.figure} | {'met' if verdict.is_met else 'missed'} |"
        for what, verdict in judged
        if verdict
    ]
    return "\n".join(["| target | | | |\n| --- | --- | --: | --- |", *lines]) if lines else ""


def _warnings(results: Results) -> Iterator[str]:
    left_out = sum(goal.judge(results) is None for goal in GOALS)
    if left_out:
        yield f"Not measured: {left_out} of {len(GOALS)} targets."
    for name, reason in results.failures.items():
        yield f"**{name} failed**: {reason}"
    disturbed = [figures.others for figures in results.rows.values() if figures.others > _DISTURBED]
    if disturbed:
        yield (
            f"**The machine is not quiet**: in {len(disturbed)} of {len(results.rows)} rows other "
            f"programs had part of the server's core, up to {max(disturbed):.0%}. Those rates are "
            "too low, and what is met or missed by them is not certain."
        )
    for name, figures in results.rows.items():
        if figures.client > _BUSY:
            yield f"**{name}**: wrk is as busy as it can be; the server could do more."
