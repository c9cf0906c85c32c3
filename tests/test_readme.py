"""The README: its examples run, and it leaves nothing out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from blog.cli import main
from blog.content.tokens import new_secret
from blog.resources import ROUTES
from blog.settings import Settings, show
from tests.servers.serving import environment, serve

README = (Path(__file__).parents[1] / "README.md").read_text()


def example(language: str) -> str:
    """The one fenced block of this language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return str(block)


def rows(heading: str) -> dict[str, list[str]]:
    """The table below a heading: the cells of each row by the first of them."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line[:1] == "|"]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in table[2:]}


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, by its whole name."""
    for part, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


def run(
    command: list[str], directory: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an example as the README's reader would, with `blog` on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=directory,
        env={**environment(env), "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_examples_run(tmp_path: Path, empty_url: str) -> None:
    env = {"BLOG_DATABASE_URL": empty_url}
    with serve(tmp_path, env=env) as server:
        shell = example("sh").replace("http://localhost:5000", server.url)
        python = example("python").replace("http://localhost:5000", server.url)
        curl = run(["bash", "-euo", "pipefail", "-c", shell], tmp_path, env)
        requests = run([sys.executable, "-W", "error", "-c", python], tmp_path, env)

    assert curl.returncode == 0, curl.stderr
    assert "Second thoughts" in curl.stdout
    assert '"title":"Not Found"' in curl.stdout
    assert requests.returncode == 0, requests.stderr


def test_every_resource_is_in_the_readme() -> None:
    table = rows("Resources")

    for resource, rule in ROUTES:
        url, methods, _ = table[f"`{resource.__name__}`"]
        assert url == f"`{re.sub('<[a-z_]+:', '<', rule)}`"
        assert set(methods.split(", ")) == resource.methods - {"HEAD", "OPTIONS"}


def test_every_setting_is_in_the_readme_with_default_and_meaning() -> None:
    expected = {
        f"`{shown.name}`": [f"`{shown.value}`" if shown.value else "", shown.help]
        for shown in show(Settings())
    }

    assert rows("Settings") == expected


def test_every_command_and_option_is_in_the_readme() -> None:
    listed = "\n".join(rows("Commands"))

    for name, command in commands(main, "blog"):
        line = next((line for line in listed.splitlines() if line.startswith(f"`{name}")), "")
        words = [parameter.opts[0] for parameter in command.params if parameter.name != "help"]
        assert line, f"{name} is missing"
        assert all(word.upper() in line.upper() for word in words), f"{name}: {words}"


def test_secret_scanners_are_told_the_pattern_of_tokens() -> None:
    (pattern,) = re.findall(r"matches `(blogpat_\S+)`", README)

    assert re.fullmatch(pattern, new_secret())


def test_every_query_parameter_is_in_the_readme() -> None:
    known = {name for resource, _ in ROUTES for name in resource.parameters}

    assert {name for name in known if f"`{name}`" not in README} == set()
