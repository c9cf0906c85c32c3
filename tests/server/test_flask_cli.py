"""The application with Flask's own command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers.serving import TIMEOUT, add_author, environment


def run_flask(directory: Path, *args: str) -> str:
    """Run a command of Flask with the application, and return its output."""
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "blog.app", *args],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_flask_lists_the_routes(tmp_path: Path) -> None:
    rows = [line.split() for line in run_flask(tmp_path, "routes").splitlines()]

    assert ["root", "GET", "/"] in rows
    assert ["postlist", "GET,", "POST", "/post"] in rows
    assert ["post", "DELETE,", "GET,", "PATCH,", "PUT", "/post/<post_id:post_id>"] in rows


def test_flask_lists_the_authors(tmp_path: Path) -> None:
    add_author(tmp_path)

    assert run_flask(tmp_path, "author", "list") == "rick\tauthor\n"


def test_flask_makes_tokens(tmp_path: Path) -> None:
    add_author(tmp_path)
    secret = run_flask(tmp_path, "token", "add", "rick", "bot")

    assert secret.startswith("blogpat_")
    assert run_flask(tmp_path, "token", "list", "rick").startswith("bot\twrite\t")


def test_flask_has_the_commands_of_the_database(tmp_path: Path) -> None:
    assert run_flask(tmp_path, "database", "check") == "No faults found.\n"
