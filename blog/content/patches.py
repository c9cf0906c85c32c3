"""Changes to a JSON document: merge patch (RFC 7396) and JSON Patch (RFC 6902)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jsonpatch

from blog.content.json_size import count_values
from blog.errors import Fault, Malformed, PatchConflict

MOST_OPERATIONS = 1000
# The sum of operations, values that they add or copy, and steps of their pointers. An operation
# that copies the document into itself doubles it.
MOST_WORK = 10_000
# The members that an operation must have besides "op" (RFC 6902 section 4).
_OPERATIONS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "from"),
    "copy": ("path", "from"),
    "test": ("path", "value"),
}
# RFC 6901 section 3. The expression does not backtrack.
_POINTER = re.compile(r"(?:/(?:[^~/]++|~[01])*+)*+")


def merge(target: object, patch: object) -> object:
    """Apply a merge patch, as in RFC 7396 section 2, without changing the target."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def apply_operations(target: object, operations: object) -> Any:
    """Apply a JSON Patch, completely or not at all, without changing the target.

    Raises Malformed for an invalid patch, or one that is too much work, with a pointer to the
    operation; and PatchConflict if a ``test`` fails or a target is missing (RFC 5789 section 2.2).
    """
    if not isinstance(operations, list) or len(operations) > MOST_OPERATIONS:
        raise Malformed(
            [Fault(f"must be a list of at most {MOST_OPERATIONS} operations", pointer="#")]
        )
    budget = _Budget()
    for index, operation in enumerate(operations):
        _check(index, operation)
        budget.spend(index, _work(operation))
    result = deepcopy(target)
    for index, operation in enumerate(operations):
        if operation["op"] == "copy":
            budget.spend(index, _copied(operation, result))
        result = _apply(index, operation, result)
    return result


class _Budget:
    """The work that a patch may still do."""

    def __init__(self) -> None:
        self._left = MOST_WORK

    def spend(self, index: int, work: int) -> None:
        """Subtract the work of an operation. Raises Malformed if none is left."""
        self._left -= work
        if self._left < 0:
            raise _malformed(
                index, f"exceeds the {MOST_WORK} values and pointer steps that a patch may have"
            )


def _work(operation: Mapping[str, Any]) -> int:
    """The work of an operation, regardless of the document."""
    steps = operation["path"].count("/") + operation.get("from", "").count("/")
    return 1 + int(steps) + count_values(operation.get("value"), MOST_WORK)


def _copied(operation: Mapping[str, Any], document: object) -> int:
    """The number of values that a ``copy`` copies; a missing source fails when it is applied."""
    source = jsonpatch.JsonPointer(operation["from"]).resolve(document, None)
    return count_values(source, MOST_WORK)


def _check(index: int, operation: object) -> None:
    if not isinstance(operation, dict):
        raise _malformed(index, "must be an object")
    name = operation.get("op")
    if not isinstance(name, str) or name not in _OPERATIONS:
        raise _malformed(index, f"must have an op that is one of {', '.join(_OPERATIONS)}")
    for member in _OPERATIONS[name]:
        if member not in operation:
            raise _malformed(index, f"must have a {member}")
    for member in ("path", "from"):
        text = operation.get(member, "")
        if not isinstance(text, str) or _POINTER.fullmatch(text) is None:
            raise _malformed(index, f"must have a {member} that is a JSON Pointer, such as /title")


def _apply(index: int, operation: Mapping[str, Any], document: object) -> Any:
    # The library's own messages contain Python's types and whole values.
    name = f"operation {index} ({operation['op']} {operation['path']!a:.80})"
    try:
        return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise PatchConflict(f"{name} failed: the current value is different") from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, RecursionError):
        raise PatchConflict(f"{name} does not apply to the current state") from None


def _malformed(index: int, detail: str) -> Malformed:
    return Malformed([Fault(detail, pointer=f"#/{index}")])
