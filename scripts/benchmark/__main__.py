"""`scripts/bench`: its command line, and what it prints at the end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from scripts.benchmark import report, wrk
from scripts.benchmark.bench import Bench, Plan
from scripts.benchmark.processes import share_out
from scripts.benchmark.rows import EACH_POST, NAMES, ROWS, START_UP
from tests.servers import postgresql

_DESCRIPTION = """
Measures one worker of `blog serve`, and for comparison the simplest application that the same
server can serve, and a bare Flask application. Prints Markdown, which is explained in
blog/documentation/performance.md. The exit status is 1 if something could not be measured; a
missed target is no error.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=_DESCRIPTION)
    parser.add_argument(
        "--quick", action="store_true",
        help="one round of a second each, and no large database: under a minute",
    )  # fmt: skip
    parser.add_argument(
        "--only", nargs="+", metavar="NAME",
        help="only these rows, by name or pattern, such as 'SQLite: POST*'; name floor and bare "
        f"Flask too, to compare with them; also {EACH_POST!r} and {START_UP!r}",
    )  # fmt: skip
    parser.add_argument(
        "--write", action="store_true",
        help=f"also write the results of a complete run into {report.PAGE.name}",
    )  # fmt: skip
    parser.add_argument("--rounds", type=_positive, help="the number of rounds; 3 unless quick")
    parser.add_argument("--seconds", type=_positive, help="the length of a row in a round; 3")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def choose(patterns: Sequence[str] | None, quick: bool, kinds: Collection[str]) -> list[str]:
    """The names of the rows to measure, with these kinds of databases. Raises SystemExit."""
    wrong = [p for p in patterns or () if not any(_fits(name, [p]) for name in NAMES)]
    if wrong:
        sys.exit(f"scripts/bench: there is no row {wrong[0]!r}; there are: {', '.join(NAMES)}")
    large = {EACH_POST, *(row.name for row in ROWS if not row.is_quick)}
    absent = {row.name for row in ROWS if row.kind and row.kind not in kinds}
    wanted = [name for name in NAMES if patterns is None or _fits(name, patterns)]
    return [name for name in wanted if name not in absent and not (quick and name in large)]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in patterns)


def _make_plan(asked: argparse.Namespace) -> Plan:
    kinds = ("SQLite", "PostgreSQL") if postgresql.is_installed() else ("SQLite",)
    names = choose(asked.only, asked.quick, kinds)
    rounds = asked.rounds or (1 if asked.quick else 3)
    seconds = asked.seconds or (1 if asked.quick else 3)
    starts = 1 if asked.quick else 5
    return Plan([row for row in ROWS if row.name in names], names, rounds, seconds, starts)


def _end_on(handler: Callable[[int, object], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _stop(_number: int, _frame: object) -> NoReturn:
    """End, and stop all that was started; a second signal is ignored meanwhile."""
    _end_on(signal.SIG_IGN)
    sys.exit("scripts/bench: stopped by a signal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the report, and return the exit status."""
    asked = parse(arguments)
    if not wrk.is_installed():
        sys.exit("scripts/bench: wrk is not installed: on Debian, apt-get install wrk")
    plan = _make_plan(asked)
    if asked.write and {*plan.others} != {*NAMES}:
        sys.exit("scripts/bench: --write needs PostgreSQL, and all rows: no --quick, no --only")
    _end_on(_stop)
    with TemporaryDirectory(prefix="blog-bench-") as name:
        # PostgreSQL may run as another user, and has its files there too.
        os.chmod(name, 0o711)  # nosec B103  # its contents stay hidden
        results = Bench(Path(name), share_out(), plan).run()
    rendered = report.render(results)
    print(rendered)
    if asked.write and not results.failures:
        report.PAGE.write_text(report.replace(report.PAGE.read_text(), rendered))
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
