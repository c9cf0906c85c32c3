"""The house: which module may import which, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "blog"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# Left may import right.
ROOMS = (
    "app", "cli", "settings", "server", "gateway", "resources", "http", "representations",
    "sign_in", "maintenance", "storage", "database", "logs", "content", "errors",
)  # fmt: skip
# Modules that stand in no room: what belongs to the settings, and the entry of `python -m blog`.
OUTSIDE = {"blog", "blog.__main__", "blog.setting_faults"}
WEB = ("blog.app", "blog.cli", "blog.gateway", "blog.resources", "blog.http")
SQL = ("blog.storage", "blog.database", "blog.maintenance")
# Where a library may be known.
PLACES = {
    "flask": WEB,
    "werkzeug": WEB,
    "flask_restful": ("blog.http.api",),
    "flask_httpauth": ("blog.http.auth",),
    "flask_cors": ("blog.http.middleware.cors",),
    "cryptography": ("blog.http.cursors",),
    "itsdangerous": ("blog.http.cursors",),
    "brotli": ("blog.http.compression",),
    "zstandard": ("blog.http.compression",),
    "sqlalchemy": SQL,
    "alembic": ("blog.maintenance",),
    "psycopg": ("blog.database.postgresql",),
    "limits": ("blog.sign_in", "blog.storage.failed_sign_ins"),
    "redis": ("blog.sign_in.redis",),
    "argon2": ("blog.sign_in.passwords",),
    "granian": ("blog.server",),
    "prometheus_client": ("blog.http.middleware.metrics",),
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


def is_in(module: str, places: tuple[str, ...]) -> bool:
    """Whether a module is one of these places or in one of them."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_module_is_in_a_room() -> None:
    assert {module for module in MODULES if room(module) not in ROOMS} == OUTSIDE


def test_imports_point_one_way() -> None:
    pairs = {(module, name) for module in MODULES for name in imports(module) if name in MODULES}
    wrong = {
        f"{module} imports {name}"
        for module, name in pairs
        if room(module) in ROOMS
        and room(name) in ROOMS
        and ROOMS.index(room(name)) < ROOMS.index(room(module))
    }

    assert wrong == set()


def test_settings_are_known_to_app_and_cli_only() -> None:
    knowing = {module for module in MODULES if "blog.settings" in set(imports(module))}

    assert {module for module in knowing if room(module) not in ("app", "cli", "server")} == set()


def test_libraries_are_known_only_in_their_places() -> None:
    wrong = {
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if not is_in(module, PLACES.get(name.split(".")[0], ("blog",)))
    }

    assert wrong == set()


def import_graph() -> dict[str, set[str]]:
    """The modules that each module imports; what a package imports itself is not counted."""
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    return {m: set(imports(m)) & MODULES.keys() - packages - {m} for m in MODULES.keys() - packages}


def test_there_is_no_import_cycle() -> None:
    graph = import_graph()

    assert set(TopologicalSorter(graph).static_order()) == graph.keys()


def test_no_room_has_more_than_six_floors() -> None:
    """A module's floor is one above the highest module of its room that it imports."""
    graph = import_graph()
    floors: dict[str, int] = {}
    for module in TopologicalSorter(graph).static_order():
        below = [floors[name] for name in graph[module] if room(name) == room(module)]
        floors[module] = 1 + max(below, default=0)

    assert {module for module, floor in floors.items() if floor > 6} == set()


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    names = {module.split(".")[-1] for module in MODULES}

    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


def test_every_module_says_what_it_owns() -> None:
    docstrings = {m: ast.get_docstring(ast.parse(p.read_text())) for m, p in MODULES.items()}

    assert {module for module, text in docstrings.items() if not text} == set()


def test_files_stay_under_400_lines() -> None:
    lengths = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}

    assert {module: length for module, length in lengths.items() if length > 400} == {}


def test_no_call_has_more_than_four_positional_arguments() -> None:
    # What these take is a list: columns, constraints and fields of a record.
    lists = {"select", "Table", "Index", "op.create_table", "logging.LogRecord"}
    calls = {
        f"{module}:{node.lineno}": ast.unparse(node.func)
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and sum(not isinstance(each, ast.Starred) for each in node.args) > 4
    }

    assert {place: name for place, name in calls.items() if name not in lists} == {}


def test_resources_name_no_media_type() -> None:
    resources = {m for m in MODULES if room(m) == "resources"}

    assert {m for m in resources if "application/" in MODULES[m].read_text()} == set()


def test_resources_parse_no_header() -> None:
    sources = {m: p.read_text().replace('{"Location"', "") for m, p in MODULES.items()}
    resources = {m for m in MODULES if room(m) == "resources"}

    assert {m for m in resources if "headers" in sources[m]} == set()
