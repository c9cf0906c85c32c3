"""Partial changes of a JSON document: merge patch (RFC 7396) and JSON Patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jsonpatch

from blog.content.trees import exceeds_size
from blog.errors import Fault, Malformed, PatchConflict

MOST_OPERATIONS = 1000
# A patch that copies the document into itself doubles it with every operation.
MOST_NODES = 10_000


def merge(target: object, patch: object) -> object:
    """Apply a merge patch: the function of RFC 7396 section 2, without changing the target."""
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
    """Apply a JSON Patch, all of it or nothing, without changing the target.

    Raises Malformed for what is no patch, naming the operation by its pointer, and PatchConflict
    where a ``test`` fails or a target is missing (RFC 5789 section 2.2).
    """
    if not isinstance(operations, list) or len(operations) > MOST_OPERATIONS:
        raise Malformed(
            [Fault(f"must be a list of at most {MOST_OPERATIONS} operations", pointer="#")]
        )
    patches = [_read_operation(index, value) for index, value in enumerate(operations)]
    result = deepcopy(target)
    for index, patch in enumerate(patches):
        result = _apply(index, patch, result)
        if exceeds_size(result, MOST_NODES):
            raise Malformed([Fault("makes the document too large", pointer=f"#/{index}")])
    return result


def _read_operation(index: int, operation: Any) -> jsonpatch.JsonPatch:
    try:
        patch = jsonpatch.JsonPatch([operation])
        for name in ("path", "from"):
            _check_pointer(patch.patch[0].get(name, ""))
        return patch
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _no_operation(index, error) from None


def _check_pointer(text: object) -> None:
    if not isinstance(text, str):
        raise jsonpatch.JsonPointerException("a path must be a string")
    jsonpatch.JsonPointer(text)


def _apply(index: int, patch: jsonpatch.JsonPatch, document: object) -> Any:
    # What the library says of a failure shows Python's types and whole values, so it is not told.
    operation = patch.patch[0]
    name = f"operation {index} ({operation['op']} {operation['path']!a:.80})"
    try:
        return patch.apply(document, in_place=True)
    except jsonpatch.InvalidJsonPatch as error:
        raise _no_operation(index, error) from None
    except jsonpatch.JsonPatchTestFailed:
        raise PatchConflict(f"{name} failed: the present value is another") from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, RecursionError):
        raise PatchConflict(f"{name} does not fit the present state") from None


def _no_operation(index: int, error: Exception) -> Malformed:
    return Malformed([Fault(f"is no operation: {error!s:.120}", pointer=f"#/{index}")])
