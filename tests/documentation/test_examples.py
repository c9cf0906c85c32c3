"""The examples in the documentation run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.documentation.pages import PAGES, blocks
from tests.servers.serving import environment, run_blog, serve

# What the examples of a page print, besides no unexpected problem.
_PRINTED = {
    "README.md": ["<em>Hi</em>", '"tags":["hello"]', '"operation":"deleted"'],
    "getting-started.md": ["Second thoughts", '"title":"Not Found"', "<em>post</em>"],
    "posts.md": ['"tags":["greeting"]'],
    "conditional-requests.md": ['"body":"Two."', '"title":"Precondition Failed"'],
    "versions.md": ['[{"op":"replace","path":"/body","value":"Two."}]', '"version":3'],
    "browsers.md": ["access-control-allow-origin: *"],
    "commands.md": ["ann\teditor", "blogpat_", "BLOG_PORT=5000"],
}
_PROBLEMS = {"getting-started.md": 1, "conditional-requests.md": 1}
# Pages that share a blog; the others create its first author.
_SHARING = {page.name for page in PAGES if blocks(page.name, "sh")} - {
    *("README.md", "getting-started.md", "idempotency.md")
}
# Python examples with a test of their own.
_TESTED = ("DispatcherMiddleware", "authenticator")
_PYTHON = blocks("python.md", "python")


def _run(
    command: list[str], directory: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an example as a reader does, with `blog` on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=directory,
        env={**environment(env), "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _run_shell(name: str, url: str, directory: Path, env: Mapping[str, str]) -> str:
    """The output of all shell examples of a page, one after the other."""
    script = "\n".join(blocks(name, "sh")).replace("http://localhost:5000", url)
    done = _run(["bash", "-euo", "pipefail", "-c", script], directory, env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _check(name: str, printed: str) -> None:
    assert [text for text in _PRINTED.get(name, []) if text not in printed] == []
    assert printed.count('"status":4') == _PROBLEMS.get(name, 0), printed


def test_the_sessions_of_getting_started_run(tmp_path: Path, empty_url: str) -> None:
    env = {"BLOG_DATABASE_URL": empty_url}
    with serve(tmp_path, env=env) as server:
        printed = _run_shell("getting-started.md", server.url, tmp_path, env)
        (session,) = blocks("getting-started.md", "python")
        session = session.replace("http://localhost:5000", server.url)
        python = _run([sys.executable, "-W", "error", "-c", session], tmp_path, env)

    _check("getting-started.md", printed)
    assert python.returncode == 0, python.stderr


def test_the_session_of_the_readme_runs(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        printed = _run_shell("README.md", server.url, tmp_path, {})

    _check("README.md", printed)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address and the directory of a blog with an author."""
    directory = tmp_path_factory.mktemp("shared")
    arguments = ("author", "add", "rick", "--role", "editor", "--password-stdin")
    run_blog(directory, *arguments, stdin="password\n").check_returncode()
    with serve(directory) as server:
        yield server.url, directory


@pytest.mark.parametrize("name", sorted(_SHARING))
def test_the_shell_examples_run(name: str, shared: tuple[str, Path]) -> None:
    _check(name, _run_shell(name, *shared, {}))


def test_a_post_is_created_only_once_and_mirrored(shared: tuple[str, Path]) -> None:
    url, directory = shared
    (mirror,) = blocks("changes.md", "python")
    mirror = mirror.replace("http://localhost:5000", url) + "\nprint(posts.values())"

    printed = _run_shell("idempotency.md", url, directory, {})
    done = _run([sys.executable, "-W", "error", "-c", mirror], directory, {})

    assert printed.count('"slug":"only-once"') == 2
    assert done.stdout.count("'title': 'Only once'") == 1, done.stderr


@pytest.mark.parametrize("block", [b for b in _PYTHON if not any(w in b for w in _TESTED)])
def test_the_python_examples_run(block: str, tmp_path: Path) -> None:
    done = _run([sys.executable, "-W", "error", "-c", block], tmp_path, {})

    assert done.returncode == 0, done.stderr


def test_an_authenticator_signs_its_people_in(tmp_path: Path) -> None:
    (example,) = [block for block in _PYTHON if "authenticator" in block]
    check = """
client = app.test_client()
for person, status in {("alice", "wonderland"): 201, ("alice", "builder"): 401}.items():
    response = client.post("/post", json={"title": "First!", "body": ""}, auth=person)
    assert response.status_code == status, response.text
"""
    done = _run([sys.executable, "-W", "error", "-c", example + check], tmp_path, {})

    assert done.returncode == 0, done.stderr


def test_a_mounted_blog_links_below_its_prefix(tmp_path: Path) -> None:
    (mounted,) = [block for block in _PYTHON if "DispatcherMiddleware" in block]
    check = """
from werkzeug.test import Client

client = Client(application)
assert client.get("/").text == "The site"
assert client.get("/blog/").json["_links"]["posts"] == "http://localhost/blog/post"
assert client.get("/blog/post/").json["detail"].endswith("did you mean /blog/post?")
"""
    done = _run([sys.executable, "-W", "error", "-c", mounted + check], tmp_path, {})

    assert done.returncode == 0, done.stderr
