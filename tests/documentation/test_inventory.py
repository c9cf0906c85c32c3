"""What the documentation lists: everything that the program has, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import click
import pytest
from werkzeug import exceptions

from blog.cli import main
from blog.content import authors, posts
from blog.content.tokens import new_secret
from blog.http.application import Application
from blog.http.middleware.problems import TYPES
from blog.resources import ROUTES
from blog.settings import Settings, names, show
from tests.documentation import pages
from tests.documentation.pages import PAGES, read, rows, section
from tests.test_architecture import MODULES, ROOMS


def _commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, by its whole name."""
    for part, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


def _statuses() -> set[int]:
    """The statuses of all errors that the source code names, and of those that routing raises."""
    words = {
        word.id if isinstance(word, ast.Name) else word.attr
        for path in MODULES.values()
        for word in ast.walk(ast.parse(path.read_text()))
        if isinstance(word, ast.Name | ast.Attribute)
    }
    raised = [kind for kind in _kinds(exceptions.HTTPException) if kind.__name__ in words]
    return {kind.code for kind in raised if kind.code} | {404, 405}


def _kinds(kind: type[exceptions.HTTPException]) -> Iterator[type[exceptions.HTTPException]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def test_every_resource_is_in_the_readme() -> None:
    table = rows(section(read("README.md"), "Resources"))

    assert set(table) - {f"`{resource.__name__}`" for resource, _ in ROUTES} == {"`Metrics`"}
    for resource, rule in ROUTES:
        url, methods, _ = table[f"`{resource.__name__}`"]
        assert url == f"`{re.sub('<[a-z_]+:', '<', rule)}`"
        assert set(methods.split(", ")) == resource.methods - {"HEAD", "OPTIONS"}


def test_every_setting_is_documented_with_default_and_meaning() -> None:
    expected = {
        f"`{shown.name}`": [f"`{shown.value}`" if shown.value else "", shown.help]
        for shown in show(Settings())
    }

    assert rows(read("settings.md")) == expected


def test_settings_in_the_readme_have_their_defaults() -> None:
    defaults = {shown.name: shown.value for shown in show(Settings())}

    for cell, (default, _) in rows(section(read("README.md"), "Settings")).items():
        shown = [defaults[name] for name in re.findall(r"`(\w+)`", cell)]
        assert re.findall(r"`([^`]+)`", default) == [value for value in shown if value]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: pages.Path) -> None:
    named = set(re.findall(r"\bBLOG_[A-Z_]+[A-Z]", page.read_text()))

    assert named - set(names()) == set()


def test_every_command_and_option_is_documented() -> None:
    listed = {cell.split(" ", 1)[1].strip("`"): cell for cell in rows(read("commands.md"))}
    commands = dict(_commands(main, "blog"))

    for name, command in commands.items():
        line = next((line for line in listed.values() if line.startswith(f"`{name}")), "")
        words = [parameter.opts[0] for parameter in command.params if parameter.name != "help"]
        assert line, f"{name} is missing"
        assert all(word.upper() in line.upper() for word in words), f"{name}: {words}"
    assert len(listed) == len(commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: pages.Path) -> None:
    known = {name for name, _ in _commands(main, "blog")}
    known |= {name.rpartition(" ")[0] for name in known}
    text = pages.prose(page)
    named = {found.strip() for found in re.findall(r"`(blog(?: [a-z]+){1,2})\b", text)}

    assert {name for name in named if name not in known} == set()


def test_every_query_parameter_is_documented() -> None:
    known = {name for resource, _ in ROUTES for name in resource.parameters}
    documented = pages.names(section(read("lists.md"), "Query parameters of `/post`"))
    documented |= pages.names(section(read("changes.md"), "Query parameters"))

    assert documented == known


def test_every_field_of_a_post_is_documented() -> None:
    assert pages.names(section(read("posts.md"), "Fields")) == {f.name for f in posts.FIELDS}


def test_every_field_of_a_profile_is_documented() -> None:
    text = section(read("signing-in.md"), "Accounts")

    assert [name for name in authors.FIELDS if f"`{name}`" not in text] == []


def test_every_status_of_an_error_is_documented() -> None:
    documented = {int(code) for code in rows(section(read("problems.md"), "Statuses"))}

    assert documented == _statuses()


def test_every_type_of_a_problem_is_documented() -> None:
    documented = re.findall(r"^### (\S+)$", section(read("problems.md"), "Types"), re.MULTILINE)

    assert documented == sorted(TYPES.values())


@pytest.mark.databases("sqlite")
def test_every_metric_is_documented(make_app: Callable[..., Application]) -> None:
    exposed = make_app(metrics=True).test_client().get("/metrics").text
    # The library adds when it began to count.
    metrics = set(re.findall(r"^# TYPE (blog_\S+?)(?<!_created) ", exposed, re.MULTILINE))

    assert {
        cell.strip("`") for cell in rows(section(read("observability.md"), "Metrics"))
    } == metrics


def test_every_package_is_documented_in_the_order_of_imports() -> None:
    packages = [cell.strip("`") for cell in rows(section(read("architecture.md"), "Packages"))]

    assert tuple(packages) == ROOMS


def test_secret_scanners_are_given_the_pattern_of_tokens() -> None:
    (pattern,) = re.findall(r"matches `(blogpat_\S+)`", read("signing-in.md"))

    assert re.fullmatch(pattern, new_secret())
