"""The private methods and attributes of granian that the supervisor uses."""

from __future__ import annotations

import ast
import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from granian import _granian
from granian.server.mp import MPServer

from blog.server import supervisor

# The methods that are overridden, with the parameters by which granian calls them.
METHODS = {
    "_init_shared_socket": ["self"],
    "_spawn_worker": ["self", "idx", "target", "callback_loader"],
    "_reload": ["self", "spawn_target", "target_loader"],
    "_respawn_workers": ["self", "workers", "spawn_target", "target_loader", "delay"],
}
# The attributes that the supervisor sets or reads, and the method of granian that reads them.
ATTRIBUTES = {
    "_ssp": "_spawn_worker",
    "_shd": "_spawn_worker",
    "_sso": "_spawn_worker",
    "backpressure": "_spawn_worker",
    "reload_signal": "_serve_loop",
    "interrupt_signal": "_serve_loop",
    "main_loop_interrupt": "_serve_loop",
}
OWN = {"_listener", "_memory"}


@pytest.mark.parametrize("name", METHODS)
def test_granian_has_the_method(name: str) -> None:
    assert list(inspect.signature(getattr(MPServer, name)).parameters) == METHODS[name]


@pytest.mark.parametrize("name", METHODS)
def test_granian_calls_the_method_itself(name: str) -> None:
    assert name in {used for method in methods() for used in method.__code__.co_names}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_granian_reads_the_attribute(name: str) -> None:
    assert name in getattr(MPServer, ATTRIBUTES[name]).__code__.co_names


def test_granian_has_socket_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        holder: Any = _granian.SocketHolder

        assert holder(listener.fileno(), False, 16).get_fd() == listener.fileno()


def test_every_attribute_of_granian_that_is_used_is_named_here() -> None:
    assert set(used_attributes()) == {*METHODS, *ATTRIBUTES, *OWN, "__init__"}


def methods() -> Iterator[Any]:
    """The methods of granian's server."""
    for owner in MPServer.__mro__[:-1]:
        yield from (value for value in vars(owner).values() if inspect.isfunction(value))


def used_attributes() -> Iterator[str]:
    """The names that the supervisor defines, or takes from itself or granian's server."""
    for node in ast.walk(ast.parse(inspect.getsource(supervisor.Supervisor))):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "super()"):
            yield node.attr
