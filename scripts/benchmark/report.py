"""The tables of a run, in Markdown. The page into which they are written explains them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scripts.benchmark.figures import Figures, Results
from scripts.benchmark.goals import GOALS

PAGE = Path(__file__).parents[2] / "blog" / "documentation" / "performance.md"

# Above this, wrk could be what is measured.
_BUSY = 0.9
# Above this, other programs on the machine are measured too.
_DISTURBED = 0.1

_HEAD = (
    "| | requests/s | of floor | of bare Flask | CPU µs | p50 ms | p99 ms | memory MB | wrk |\n"
    "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
)
# Between these lines a page has the report of a run.
_BEGIN = "<!-- scripts/bench --write: begin -->\n"
_END = "\n<!-- scripts/bench --write: end -->"


def render(results: Results) -> str:
    """All tables and warnings."""
    tables = (_rows(results), _amounts(results), _goals(results))
    parts = [results.machine, *tables, *_warnings(results)]
    return "\n\n".join(part for part in parts if part)


def replace(page: str, rendered: str) -> str:
    """A page with a new report in place of the old one."""
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError("the page has no lines that mark the place of the report")
    return f"{before}{_BEGIN}\n{rendered}\n{_END}{after}"


def _rows(results: Results) -> str:
    """A line for each row, in the order in which they were requested."""
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
    """The rate relative to that of another row of the same run."""
    return f"{figures.rate / results.rows[of].rate:.2f}" if of in results.rows else ""


def _amounts(results: Results) -> str:
    lines = [f"| {name} | {amount} |" for name, amount in results.amounts.items()]
    return "\n".join(["| | |\n| --- | --: |", *lines]) if lines else ""


def _goals(results: Results) -> str:
    """Each target, and whether it was met, as far as it was measured."""
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
