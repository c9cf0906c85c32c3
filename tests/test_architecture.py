"""The house: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "blog"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# Left may import right.
ROOMS = (
    "app", "cli", "server", "logs", "resources", "http", "representations", "storage", "content",
    "errors",
)  # fmt: skip
# Where a library may be known.
PLACES = {
    "flask": ("blog.app", "blog.cli", "blog.resources", "blog.http"),
    "werkzeug": ("blog.app", "blog.cli", "blog.resources", "blog.http"),
    "flask_restful": ("blog.http.api",),
    "flask_httpauth": ("blog.http.auth",),
    "flask_cors": ("blog.http.cors",),
    "cryptography": ("blog.http.cursors",),
    "itsdangerous": ("blog.http.cursors",),
    "brotli": ("blog.http.compression",),
    "zstandard": ("blog.http.compression",),
    "sqlalchemy": ("blog.storage",),
    "alembic": ("blog.storage",),
    "psycopg": (
        "blog.storage.notifications",
        "blog.storage.postgresql",
        "blog.storage.postgresql_errors",
        "blog.storage.watchdog",
    ),
    "limits": ("blog.storage",),
    "redis": ("blog.storage.redis",),
    "granian": ("blog.server",),
    "prometheus_client": ("blog.http.metrics",),
    "pythonjsonlogger": ("blog.logs",),
    "pydantic_settings": ("blog.settings",),
}


def imports(module: str) -> Iterator[str]:
    """The names of all modules that a module imports, and of what it imports from them."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """The first part of a module's name within the package."""
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module: str) -> None:
    known = {room(name) for name in imports(module) if name in MODULES} & set(ROOMS)
    own = room(module)

    if own in ROOMS:
        assert all(ROOMS.index(other) >= ROOMS.index(own) for other in known)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_settings_are_known_to_app_and_cli_only(module: str) -> None:
    if module != "blog.app" and room(module) != "cli":
        assert "blog.settings" not in set(imports(module))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_libraries_are_known_only_in_their_places(module: str) -> None:
    for name in imports(module):
        places = PLACES.get(name.split(".")[0], ("blog",))

        assert any(module == place or module.startswith(f"{place}.") for place in places), name


def test_there_is_no_import_cycle() -> None:
    graph = {module: set(imports(module)) & MODULES.keys() - {module} for module in MODULES}
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}

    order = TopologicalSorter({m: needs - packages for m, needs in graph.items()}).static_order()

    assert set(order) >= MODULES.keys() - packages


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    names = {module.split(".")[-1] for module in MODULES}

    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_says_what_it_owns(module: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_files_stay_under_400_lines(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= 400


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) == "resources"])
def test_resources_name_no_media_type_and_parse_no_header(module: str) -> None:
    source = MODULES[module].read_text()

    assert "application/" not in source
    assert "headers" not in source.replace('{"Location"', "")
