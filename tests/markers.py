"""The marks `process` and `postgresql`, found by what a test refers to, and enforced."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from inspect import unwrap
from types import CodeType, FunctionType, ModuleType

import pytest

from tests.servers.postgresql import Cluster

# What starts processes.
_STARTERS = {Cluster, subprocess, multiprocessing, ProcessPoolExecutor}
# Audit events of Python that do; `multiprocessing` has none.
_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}


def mark(item: pytest.Function) -> None:
    """Mark a test that refers to what starts a process, by itself or by a fixture."""
    definitions = item._fixtureinfo.name2fixturedefs.values()
    fixtures = [each.func for definition in definitions for each in definition]
    reached = {thing for each in (item.function, *fixtures) for thing in _reach(each)}
    callspec = getattr(item, "callspec", None)
    if Cluster in reached or (callspec and "postgresql" in callspec.params.values()):
        item.add_marker("postgresql")
    elif reached:
        item.add_marker("process")


@cache
def _reach(thing: Callable[..., object]) -> frozenset[object]:
    """What this leads to of all that starts processes."""
    met: set[object] = set()
    new: list[object] = [thing]
    while new:
        each = new.pop()
        if each not in met:
            met.add(each)
            new += _referred(each)
    return frozenset(met & _STARTERS)


def _referred(thing: object) -> Iterator[object]:
    """The functions, classes and modules that the code of a test names."""
    for function in _functions(thing):
        names = {name for code in _codes(function.__code__) for name in code.co_names}
        for name in names & function.__globals__.keys():
            value = function.__globals__[name]
            named = [value]
            if isinstance(value, ModuleType) and value.__name__.startswith("tests."):
                named = [vars(value)[each] for each in names & vars(value).keys()]
            yield from (each for each in named if _is_ours(each) or _is_starter(each))


def _functions(thing: object) -> Iterator[FunctionType]:
    if isinstance(thing, type):
        for member in vars(thing).values():
            yield from _functions(getattr(member, "fget", getattr(member, "__func__", member)))
    elif isinstance(function := unwrap(thing), FunctionType):
        yield function


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_starter(value: object) -> bool:
    return any(value is each for each in _STARTERS)


def _is_ours(value: object) -> bool:
    module = getattr(value, "__module__", None) or ""
    return callable(value) and module.startswith("tests.")


class Guard:
    """Fails a test that starts a process without a mark that says so."""

    def __init__(self) -> None:
        self._running: pytest.Item | None = None
        sys.addaudithook(self._check)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._running = item

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        # After the last test, servers of the whole session are stopped too.
        self._running = None

    def _check(self, event: str, _arguments: tuple[object, ...]) -> None:
        if event in _STARTS and self._running and not _may_start(self._running):
            pytest.fail(f"{self._running.nodeid} starts a process and has no mark `process`")


def _may_start(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("process", "postgresql"))
