"""`scripts/bench`: what it reads, reckons and says, and a run of two rows from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.benchmark import report, wrk
from scripts.benchmark.__main__ import choose
from scripts.benchmark.figures import Amount, Figures, Results, middle
from scripts.benchmark.goals import GOALS, AmountAtMost, AtLeast, CostAtMost, MedianAtMost, Verdict
from scripts.benchmark.loads import Load, Question, WrongAnswer, constant, prepare
from scripts.benchmark.rows import EACH_POST, NAMES, ROWS, START_UP
from scripts.benchmark.servers import ROOT
from tests.deploy.deployment import require
from tests.servers.serving import TIMEOUT, environment, eventually, serve

SAID = {
    "requests": 3000, "microseconds": 1500000, "p50": 900, "p99": 4500, "refused": 0, "broken": 0
}  # fmt: skip
BOTH = ("SQLite", "PostgreSQL")
SHORT = ("--only", "floor", "sqlite: one post", "--rounds", "1", "--seconds", "1")


def figures(rate: float, client: float = 0.1, others: float = 0.01) -> Figures:
    return Figures(3000, rate, cpu=50, p50=1, p99=2, memory=80, client=client, others=others)


def found(rates: Mapping[str, float], **amounts: Amount) -> Results:
    return Results("a machine", {name: figures(rate) for name, rate in rates.items()}, amounts)


def begin(place: Path, *arguments: str, path: str | None = None) -> subprocess.Popen[str]:
    """Start the bench with a place for its files."""
    with (place / "progress").open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "scripts.benchmark", *arguments],
            cwd=ROOT,
            env={**environment(), "TMPDIR": str(place), **({"PATH": path} if path else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


def progress(place: Path) -> str:
    """What it has said of how far it is."""
    return (place / "progress").read_text()


def processes_of(place: Path) -> set[str]:
    """The ids of all processes with that place in their environment."""
    variable, found = f"TMPDIR={place}\0".encode(), set()
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable in file.read_bytes():
                found.add(file.parent.name)
        except OSError:
            # It has ended, or is somebody else's.
            continue
    return found


@pytest.mark.long
def test_wrk_measures_two_rows_from_end_to_end(tmp_path: Path) -> None:
    require("wrk")

    printed, _ = (bench := begin(tmp_path, *SHORT)).communicate(timeout=TIMEOUT)

    assert bench.returncode == 0, progress(tmp_path)
    assert "\n| floor | " in printed
    assert "\n| SQLite: one post from the cache | ≥ 0.75 of floor | " in printed


@pytest.mark.long
def test_wrk_measures_a_row_beside_other_clients(tmp_path: Path) -> None:
    require("wrk")
    rows = ("--only", "sqlite: page of 20", "sqlite: page of 20, long heads at /health/live")

    bench = begin(tmp_path, *rows, "--rounds", "1", "--seconds", "1")
    printed, _ = bench.communicate(timeout=TIMEOUT)

    assert bench.returncode == 0, progress(tmp_path)
    assert "\n| SQLite: median of a page beside 100 clients" in printed


@pytest.mark.long
def test_wrk_leaves_nothing_behind_when_the_bench_is_stopped(tmp_path: Path) -> None:
    require("wrk")
    bench = begin(tmp_path, *SHORT, "--seconds", "60")
    eventually(lambda: "round 1" in progress(tmp_path), lambda: progress(tmp_path))

    bench.send_signal(signal.SIGTERM)
    bench.communicate(timeout=TIMEOUT)

    assert bench.returncode == 1
    # What is killed takes a moment to be gone.
    eventually(lambda: not processes_of(tmp_path), lambda: f"left: {processes_of(tmp_path)}")
    assert os.listdir(tmp_path) == ["progress"]


def test_without_wrk_the_bench_names_what_is_missing(tmp_path: Path) -> None:
    bench = begin(tmp_path, path=str(tmp_path))
    bench.communicate(timeout=TIMEOUT)

    assert bench.returncode == 1
    assert progress(tmp_path) == (
        "scripts/bench: wrk is not installed: on Debian, apt-get install wrk\n"
    )


def test_what_wrk_says_is_read() -> None:
    output = f"Running 1s test @ http://127.0.0.1\n{json.dumps(SAID)}\n"

    assert wrk.read(output, 0.25) == wrk.Report(3000, 1.5, 0.9, 4.5, 0.25)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"refused": 7}, "of 3000 requests 7 were refused and 0 not answered"),
        ({"broken": 3}, "of 3000 requests 0 were refused and 3 not answered"),
        ({"requests": 0}, "no request was answered"),
    ],
)
def test_answers_that_are_not_as_they_should_be_are_no_figure(
    changes: dict[str, int], reason: str
) -> None:
    with pytest.raises(wrk.Failed, match=reason):
        wrk.read(json.dumps(SAID | changes), 0.25)


@pytest.mark.long
def test_wrk_that_says_nothing_is_no_figure() -> None:
    with pytest.raises(wrk.Failed, match="says nothing of what it did: 'unable to connect'"):
        wrk.read("unable to connect", 0.25)


def test_median_is_of_each_figure_by_itself() -> None:
    rounds = [(4, 1, 9, 2, 3, 7, 5, 0), (4, 2, 8, 3, 1, 7, 4, 0), (4, 3, 7, 1, 2, 7, 6, 0)]

    assert middle([Figures(*figures) for figures in rounds]) == Figures(4, 2, 8, 2, 2, 7, 5, 0)


@pytest.mark.parametrize(("rate", "is_met"), [(750, True), (749, False)])
def test_row_has_to_be_answered_as_often_as_a_share_of_another(rate: float, is_met: bool) -> None:
    goal = AtLeast("a post", "post", 0.75, "floor")

    verdict = goal.judge(found({"post": rate, "floor": 1000}))

    assert verdict == Verdict("0.75", "≥ 0.75 of floor", is_met)


@pytest.mark.parametrize(("rate", "figure", "is_met"), [(1000, "1.10", True), (990, "1.11", False)])
def test_cost_is_how_much_less_often_a_row_is_answered(
    rate: float, figure: str, is_met: bool
) -> None:
    goal = CostAtMost("many posts", "many", 1.1, "few")

    assert goal.judge(found({"few": 1100, "many": rate})) == Verdict(figure, "≤ 1.1", is_met)


@pytest.mark.parametrize(("p50", "is_met"), [(3, True), (3.1, False)])
def test_half_of_the_answers_may_take_so_many_times_as_long(p50: float, is_met: bool) -> None:
    results = found({"alone": 1000, "crowded": 1000})
    results.rows["crowded"] = results.rows["crowded"]._replace(p50=p50)

    verdict = MedianAtMost("a crowd", "crowded", 3, "alone").judge(results)

    assert verdict == Verdict(f"{p50:.2f}", "≤ 3", is_met)


@pytest.mark.parametrize(("value", "is_met"), [(20, True), (20.5, False)])
def test_amount_may_be_no_more_than_the_most(value: float, is_met: bool) -> None:
    goal = AmountAtMost("growth", 20)

    verdict = goal.judge(found({}, growth=Amount(value, "MB")))

    assert verdict == Verdict(f"{value:.2f} MB", "≤ 20 MB", is_met)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    results = found({"SQLite: one post": 1000})

    assert [goal.judge(results) for goal in GOALS] == [None] * len(GOALS)
    assert f"Not measured: {len(GOALS)} of {len(GOALS)} targets." in report.render(results)


def test_every_target_is_of_rows_that_there_are() -> None:
    of_rows = [goal for goal in GOALS if not isinstance(goal, AmountAtMost)]

    assert {name for goal in of_rows for name in (goal.row, goal.of)} - set(NAMES) == set()


def test_table_has_the_ratio_to_the_floor_of_the_same_run() -> None:
    printed = report.render(found({"floor": 16000, "bare Flask": 8000, "SQLite: 304": 12000}))

    assert "| SQLite: 304 | 12,000 | 0.75 | 1.50 | 50 | 1.00 | 2.0 | 80 | 10% |" in printed


def test_report_replaces_the_one_on_the_page() -> None:
    page = report.PAGE.read_text()

    once = report.replace(page, "| a report |")

    before, after = once.split("| a report |")
    assert page.startswith(before)
    assert page.endswith(after)
    assert report.replace(once, "| another |") == f"{before}| another |{after}"


def test_report_needs_a_place_on_the_page() -> None:
    with pytest.raises(ValueError, match="no lines that mark the place"):
        report.replace("# Performance\n", "a report")


def test_part_of_a_run_is_not_written(tmp_path: Path) -> None:
    require("wrk")
    before = report.PAGE.read_text()

    bench = begin(tmp_path, *SHORT, "--write")
    bench.communicate(timeout=TIMEOUT)

    assert bench.returncode == 1
    assert "--write needs PostgreSQL, and all rows" in progress(tmp_path)
    assert report.PAGE.read_text() == before


def test_row_without_a_figure_is_named() -> None:
    results = Results("a machine", failures={"floor": "no request was answered"})

    assert "**floor failed**: no request was answered" in report.render(results)


def test_row_that_wrk_is_too_slow_for_is_named() -> None:
    results = Results("a machine", {"floor": figures(16000, client=0.95)})

    assert "**floor**: wrk is as busy as it can be" in report.render(results)


def test_machine_that_does_other_things_is_reported() -> None:
    rows = {"floor": figures(16000, others=0.4), "granian alone": figures(60000)}

    printed = report.render(Results("a machine", rows))

    assert "**The machine is not quiet**: in 1 of 2 rows other programs had part" in printed
    assert "up to 40%" in printed


def test_without_patterns_all_rows_are_measured() -> None:
    assert choose(None, quick=False, kinds=BOTH) == list(NAMES)


def test_quick_run_needs_no_large_database() -> None:
    names = choose(None, quick=True, kinds=BOTH)

    assert EACH_POST not in names
    assert not [name for name in names if "1,000,000" in name or "200,000" in name]
    assert {"floor", "SQLite: mixed", "PostgreSQL: mixed", START_UP} <= set(names)


def test_rows_are_chosen_by_pattern() -> None:
    wanted = {row.name for row in ROWS if "POST" in row.name} | {"floor"}

    assert set(choose(["floor", "*: post with*"], quick=False, kinds=BOTH)) == wanted


def test_without_postgresql_its_rows_are_left_out() -> None:
    names = choose(None, quick=False, kinds=["SQLite"])

    assert names == [name for name in NAMES if not name.startswith("PostgreSQL")]


def test_row_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="there is no row 'flask'; there are: floor, "):
        choose(["floor", "flask"], quick=False, kinds=BOTH)


def test_server_that_answers_something_else_is_not_measured(tmp_path: Path) -> None:
    with serve(tmp_path) as server, pytest.raises(WrongAnswer, match="GET / is answered 200 "):
        prepare(constant(b"1 KB"), server.port)


def test_answer_of_another_status_is_not_measured(tmp_path: Path) -> None:
    load = Load([Question("/post", lambda _: True, status=201)])

    with serve(tmp_path) as server, pytest.raises(WrongAnswer, match="GET /post is answered 200"):
        prepare(load, server.port)
