"""JSON in request bodies, parsed strictly, and the patches that they describe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from blog.content.json_size import exceeds_depth
from blog.content.patches import apply_operations, merge
from blog.content.texts import BYTE_ORDER_MARK
from blog.content.validation import HYPERMEDIA
from blog.errors import Fault, Malformed
from blog.http.request import current_request

Patched = tuple[object, Sequence[Fault]]
Patch = Callable[[Mapping[str, Any]], Patched]

# Far deeper than any document, and far below the limit of recursion.
DEEPEST = 64
_LONGEST_NUMBER = 1000
# Descriptions of errors, by the beginning of the parser's message.
_SYNTAX_FAULTS = {
    "Expecting value": "a value is missing or can't be read",
    "Expecting property name": "a name in double quotes is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Unterminated string": "a string has no end",
    "Invalid control character": "a string contains a control character that is not escaped",
    "Invalid \\": "a string contains a backslash that escapes nothing",
    "Extra data": "there is more after the end of the value",
}


def read_json() -> Any:
    """The value in the request's body.

    Raises Malformed unless it is one JSON value (RFC 8259) in UTF-8, without duplicate members and
    without deep nesting; RequestEntityTooLarge for too long a body.
    """
    try:
        value = _parse(current_request().get_data(cache=False).decode())
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8: byte {error.start} can't be read") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON: {_describe(error)}") from None
    except ValueError as error:
        raise _malformed(f"is not JSON: {error!s:.120}") from None
    except RecursionError:
        raise _malformed(f"is nested more than {DEEPEST} deep") from None
    if exceeds_depth(value, DEEPEST):
        raise _malformed(f"is nested more than {DEEPEST} deep")
    return value


def _parse(text: str) -> Any:
    return json.loads(
        # RFC 8259 section 8.1 allows a parser to ignore a byte order mark.
        text.removeprefix(BYTE_ORDER_MARK),
        object_pairs_hook=_unique,
        parse_int=_read_int,
        parse_constant=_no_constant,
    )


def read_patch(server_fields: Collection[str]) -> Patch:
    """The patch in the body of a PATCH: a function to apply to the document that the client sees.

    The document is a JSON object of all fields and links. The function returns the result, and a
    fault for each server-set member that a JSON Patch changes; in a merge patch such members are
    ignored. It raises PatchConflict where the patch can't be applied.
    """
    patch = read_json()
    if current_request().mimetype != "application/json-patch+json":
        return partial(_merge, patch)
    return partial(_operate, patch, server_fields)


def _merge(patch: object, target: Mapping[str, Any]) -> Patched:
    result = merge(target, patch)
    if isinstance(patch, dict) and isinstance(result, dict):
        # Null removes a missing member, which would hide that its name is unknown.
        result |= {name: None for name in patch if name not in target and name not in result}
    return result, []


def _operate(
    operations: object, server_fields: Collection[str], target: Mapping[str, Any]
) -> Patched:
    own = (*server_fields, *sorted(HYPERMEDIA))
    if isinstance(operations, list):
        operations = [_complete(operation, own, target) for operation in operations]
    result = apply_operations(target, operations)
    members = result if isinstance(result, dict) else target
    touched = [name for name in own if members.get(name) != target.get(name)]
    return result, [Fault("is set by the server", pointer=f"#/{name}") for name in touched]


def _complete(operation: Any, own: Collection[str], target: Mapping[str, Any]) -> Any:
    """Add the server-set members to an operation's value for the whole document.

    The document that a client sends back may lack some, by its selection of fields, and have links
    in the form of another media type.
    """
    if not isinstance(operation, dict) or operation.get("path") != "":
        return operation
    value = operation.get("value")
    if not isinstance(value, dict):
        return operation
    added = {name: target[name] for name in own if name in target}
    sent = {name: sent for name, sent in value.items() if name not in HYPERMEDIA}
    return {**operation, "value": {**added, **sent}}


def _describe(error: json.JSONDecodeError) -> str:
    known = (own for start, own in _SYNTAX_FAULTS.items() if error.msg.startswith(start))
    reason = next(known, "its syntax is wrong")
    return f"{reason}, at line {error.lineno}, column {error.colno}"


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
    raise ValueError(f"{name} is not a JSON value")
