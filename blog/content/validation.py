"""From a JSON object to a checked model, or to every fault found, each in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from blog.content.dates import format_date_time
from blog.errors import MOST_FAULTS, Fault, Invalid

RULES = ConfigDict(
    frozen=True, strict=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
)

# Members that a representation adds to the fields. A client may send back what it received.
HYPERMEDIA = frozenset({"_links", "_embedded", "_templates"})

_JSON_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}
_EXPECTED = {
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "datetime_type": "must be a string with an RFC 3339 date-time",
}

# The search for a similar name takes time that grows with the length of the name.
_LONGEST_GUESS = 50
# How much of a member's name is quoted: it may be as long as a body.
_LONGEST_NAME = 100

# Stands for each fault that is counted, but not listed.
_UNLISTED = Fault("is not a known field", pointer="#")

Model = TypeVar("Model", bound=BaseModel)


class Written(BaseModel):
    """The fields that a client writes.

    The present state may be given as the context of a validation. A value that equals it is not
    validated again: it was valid when it was written, under rules that may have changed since.
    """

    @field_validator("*", mode="wrap")
    @classmethod
    def _check_what_changes(
        cls, value: object, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        if info.context is not None and info.field_name is not None:
            present: object = getattr(info.context, info.field_name)
            if value == _json_value(present):
                return present
        return check(value)


def nearest(name: str, known: Collection[str]) -> str:
    """A question that suggests the most similar known name, or nothing."""
    folded = {name.casefold(): name for name in known}
    matches = get_close_matches(name[:_LONGEST_GUESS].casefold(), folded, n=1)
    return f"; did you mean {folded[matches[0]]!r}?" if matches else ""


def pointer(*path: str | int) -> str:
    """A JSON Pointer as a URI fragment (RFC 6901 section 6)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join("/" + quote(step, safe="~", errors="replace") for step in steps)


def validate(
    model: type[Model],
    fields: object,
    server_fields: Collection[str],
    found: Sequence[Fault] = (),
    current: object = None,
) -> Model:
    """Check the members of a request body against a model.

    Hypermedia members and the fields that only the server sets are ignored. ``current`` is the
    present state, for a model that is `Written`. Raises Invalid with all faults, those that were
    found before among them.
    """
    if not isinstance(fields, Mapping):
        raise Invalid([Fault(f"must be an object, not {name_type(fields)}", pointer="#")])
    ignored = HYPERMEDIA.union(server_fields)
    given = {name: value for name, value in fields.items() if name not in ignored}
    known = [field.alias or name for name, field in model.model_fields.items()]
    faults = [*found, *_unknown_members(given, [*known, *server_fields])]
    try:
        members = {name: given[name] for name in given if name in known}
        content = model.model_validate(members, context=current)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise Invalid([*(_fault(detail) for detail in details), *faults]) from None
    if faults:
        raise Invalid(faults)
    return content


def as_json(state: object, fields: Mapping[str, str]) -> dict[str, Any]:
    """Some fields of a state as a client would send them, by their names for clients.

    ``fields`` maps the names to attributes of the state, or to paths of attributes with dots.
    """
    return {name: _json_value(attrgetter(path)(state)) for name, path in fields.items()}


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return format_date_time(value)
    return list(value) if isinstance(value, tuple) else value


def name_type(value: object) -> str:
    """The type of a JSON value, as a sentence names it."""
    return _JSON_NAMES[type(value)]


def _unknown_members(given: Collection[str], known: Collection[str]) -> list[Fault]:
    unknown = [name for name in given if name not in known]
    faults = [
        Fault(f"is not a known field{nearest(name, known)}", pointer=pointer(name[:_LONGEST_NAME]))
        for name in unknown[:MOST_FAULTS]
    ]
    # Those beyond the limit are only counted.
    return faults + [_UNLISTED] * (len(unknown) - len(faults))


def _fault(error: ErrorDetails) -> Fault:
    return Fault(_sentence(error), pointer=pointer(*error["loc"]))


def _sentence(error: ErrorDetails) -> str:
    kind, value = error["type"], error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "missing":
        return "is required"
    if kind == "string_unicode":
        return "must not contain lone surrogates"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be {context['expected']}, not {_quote(value)}"
    return f"{_EXPECTED[kind]}, not {name_type(value)}"


def _quote(value: object) -> str:
    return f"{value!a:.60}" if isinstance(value, str) else name_type(value)
