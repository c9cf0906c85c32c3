"""Posts that are rendered anew while they are served, in a process beside the workers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from time import sleep

import pytest
import requests

from blog.database.database import Database
from blog.server.background import Background, carry_out
from tests.renderings import MANY, RENDERER, fill, renderings
from tests.servers.serving import Server, eventually, serve, start, wait_until_it_serves

pytestmark = pytest.mark.long


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    """The settings of a server with many posts that are to be rendered anew."""
    with closing(Database(database_url)) as database:
        fill(database)
    return {"BLOG_DATABASE_URL": database_url}


def versions(url: str) -> set[str]:
    """The versions that the stored HTML has."""
    with closing(Database(url)) as database:
        return renderings(database)


def messages(server: Server) -> list[str]:
    """What the process that renders has logged."""
    # A measurement of coverage may have added lines of its own.
    lines = [line for line in server.stderr_text().splitlines() if line.startswith("{")]
    logged = map(json.loads, lines)
    return [line["message"] for line in logged if line["logger"] == "blog.rendering"]


def test_process_ends_at_the_end_of_its_work_or_at_a_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: list[object] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(os, "_exit", did.append)

    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)
        did.append("interrupted")
        signal.raise_signal(signal.SIGTERM)
        did.append("never")

    try:
        carry_out(partial(did.append, "done"))
        carry_out(interrupted)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert did == ["done", 0, "interrupted", 0]


def wait_for_a_signal(begun: Path) -> None:
    """Work that a signal interrupts; it writes the id of its process."""
    begun.with_suffix(".new").write_text(str(os.getpid()))
    begun.with_suffix(".new").rename(begun)
    sleep(60)


def ignore_signals(begun: Path) -> None:
    """Work that no signal interrupts, like that of a library."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    wait_for_a_signal(begun)


@pytest.mark.parametrize("work", [wait_for_a_signal, ignore_signals])
def test_work_has_ended_with_its_context(tmp_path: Path, work: Callable[[Path], None]) -> None:
    begun = tmp_path / "begun"
    with Background(partial(work, begun), is_due=True):
        eventually(begun.exists, lambda: "the work has not begun")

    assert not Path(f"/proc/{begun.read_text()}").exists()


def test_server_renders_all_posts_anew(tmp_path: Path, env: dict[str, str]) -> None:
    with serve(tmp_path, env=env) as server:
        eventually(lambda: bool(messages(server)), server.stderr_text)
        html = requests.get(f"{server.url}/post?fields=bodyHtml").json()["data"][0]["bodyHtml"]

        assert (messages(server), html) == ([f"rendered {MANY} posts anew"], "<p>First post!</p>\n")
        eventually(lambda: not server.renderers(), lambda: str(server.renderers()))
    assert versions(env["BLOG_DATABASE_URL"]) == {RENDERER.version}


def test_reload_renders_what_is_old(tmp_path: Path, database_url: str) -> None:
    with serve(tmp_path, env={"BLOG_DATABASE_URL": database_url}) as server:
        with closing(Database(database_url)) as database:
            fill(database)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: bool(messages(server)), server.stderr_text)

        assert messages(server) == [f"rendered {MANY} posts anew"]


def test_reload_while_posts_are_rendered_goes_on(tmp_path: Path, env: dict[str, str]) -> None:
    url = env["BLOG_DATABASE_URL"]
    with serve(tmp_path, env=env) as server:
        eventually(lambda: RENDERER.version in versions(url), server.stderr_text)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "old" not in versions(url), server.stderr_text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_rendering_ends_with_the_server(
    tmp_path: Path, env: dict[str, str], number: signal.Signals
) -> None:
    url = env["BLOG_DATABASE_URL"]
    with start(tmp_path, "--workers", "1", env=env) as server:
        wait_until_it_serves(server)
        eventually(lambda: RENDERER.version in versions(url), server.stderr_text)
        [process] = server.renderers()
        status = server.stop(number)

        assert (status, messages(server)) == (0, [])
    assert not Path(f"/proc/{process}").exists()
    assert versions(url) == {"old", RENDERER.version}


@pytest.mark.databases("sqlite")
def test_server_that_ends_while_it_renders_removes_the_log(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with start(tmp_path, "--workers", "1", env=env) as server:
        wait_until_it_serves(server)
        server.stop()

    assert sorted(path.name for path in tmp_path.glob("blog.db*")) == ["blog.db"]


def test_rendering_ends_when_the_server_is_killed(tmp_path: Path, env: dict[str, str]) -> None:
    with start(tmp_path, "--workers", "1", env=env) as server:
        wait_until_it_serves(server)
        [process] = server.renderers()
        server.stop(signal.SIGKILL)

        eventually(lambda: not Path(f"/proc/{process}").exists(), server.stderr_text)
