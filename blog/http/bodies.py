"""Reading what a client sends: JSON, strictly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from blog.content.patches import apply_operations, merge
from blog.content.trees import exceeds_depth
from blog.errors import Fault, Malformed
from blog.http.request import current_request

Patched = tuple[object, Sequence[Fault]]
Patch = Callable[[Mapping[str, Any]], Patched]

# Far deeper than any document here, and far from where recursion ends.
DEEPEST = 64
_LONGEST_NUMBER = 1000


def read_json() -> Any:
    """The value in the request's body.

    Raises Malformed for anything that is not exactly one JSON value (RFC 8259) in UTF-8, for a
    member given twice, and for nesting without reason; RequestEntityTooLarge for too long a body.
    """
    try:
        text = current_request().get_data(cache=False).decode()
        value = json.loads(
            text, object_pairs_hook=_unique, parse_int=_read_int, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8: byte {error.start} can't be read") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"is not JSON: {error.msg} at {where}") from None
    except ValueError as error:
        raise _malformed(f"is not JSON: {error!s:.120}") from None
    except RecursionError:
        raise _malformed(f"is nested more than {DEEPEST} deep") from None
    if exceeds_depth(value, DEEPEST):
        raise _malformed(f"is nested more than {DEEPEST} deep")
    return value


def read_patch(server_fields: Collection[str]) -> Patch:
    """The change that the body of a PATCH describes, to be applied to a JSON object.

    Applying it gives the result, with a fault for each field that only the server sets and a JSON
    Patch changes; a merge patch may carry such a field back, and it is ignored. Raises
    PatchConflict where the patch does not fit.
    """
    patch = read_json()
    if current_request().mimetype != "application/json-patch+json":
        return partial(_merge, patch)
    return partial(_operate, patch, server_fields)


def _merge(patch: object, target: Mapping[str, Any]) -> Patched:
    return merge(target, patch), []


def _operate(
    operations: object, server_fields: Collection[str], target: Mapping[str, Any]
) -> Patched:
    result = apply_operations(target, operations)
    members = result if isinstance(result, dict) else target
    touched = [name for name in server_fields if members.get(name) != target[name]]
    return result, [Fault("is set by the server", pointer=f"#/{name}") for name in touched]


def _malformed(detail: str) -> Malformed:
    return Malformed([Fault(detail, pointer="#")])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"the member {twice!a:.60} is given twice")
    return members


def _read_int(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
