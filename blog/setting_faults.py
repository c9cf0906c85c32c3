"""Messages about invalid settings, one sentence each, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from blog.content.validation import nearest

PREFIX = "BLOG_"
# An error in the combination of two settings.
COMBINATION = "combination"


# What Kubernetes sets in every container for a service named "blog".
_SERVICE_LINK = re.compile(r"BLOG_(SERVICE_|PORT_\d)")
SERVICE_LINKS = (
    'Kubernetes sets it for a service named "blog": set `enableServiceLinks: false` for the pod, '
    "or give the service another name"
)
# The reasons, by Pydantic's names for them.
_REASONS = {
    "bool_parsing": "must be 1 or 0",
    "byte_size": "must be a size, such as 8388608 or 8MiB",
    "byte_size_unit": "must be a size, such as 8388608 or 8MiB",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "must have at least {min_length} characters",
    "value_error": "{error}",
}
# After a user name, in a URL or in the remainder of one.
_PASSWORD = re.compile(r"((?:://|^(?!.*://))[^:/@]*):.*@", re.DOTALL)


def unknown_names(known: Sequence[str]) -> list[str]:
    """A message for each environment variable that begins like a setting and is none, sorted."""
    unknown = [name for name in os.environ if name.upper().startswith(PREFIX) and name not in known]
    return [f"{name} is not a setting{_guess(name.upper(), known)}" for name in sorted(unknown)]


def _guess(name: str, known: Sequence[str]) -> str:
    if _SERVICE_LINK.match(name):
        return f"; {SERVICE_LINKS}"
    # The prefix that all have would make them similar.
    guess = nearest(
        name.removeprefix(PREFIX), [known_name.removeprefix(PREFIX) for known_name in known]
    )
    return guess.replace("'", f"'{PREFIX}", 1)


def mask(value: object) -> str:
    """A value as text, in which passwords in URLs are masked."""
    if isinstance(value, tuple):
        value = ",".join(value)
    text = "" if value is None else str(value)
    text = _PASSWORD.sub(r"\1:***@", text)
    return re.sub(r"(?<=password=)[^&]*", "***", text)


def sentence(fault: ErrorDetails, *, secret: bool) -> str:
    """A message about the invalid value of a setting; a secret value is not shown."""
    if fault["type"] == COMBINATION:
        return fault["msg"]
    name = str(fault["loc"][0])
    shown = "its value" if secret else f"{mask(fault['input'])!r:.100}"
    reason = _REASONS.get(fault["type"], "it can't be parsed").format(**fault.get("ctx", {}))
    return f"{PREFIX}{name.upper()}: {shown} is invalid: {reason}"
