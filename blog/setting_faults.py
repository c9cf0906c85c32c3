"""What is said of a setting that can't be used, in a sentence each and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from blog.content.validation import nearest

PREFIX = "BLOG_"
# A fault of two settings together.
REPLICAS = "replicas_of_a_file"


# What Kubernetes sets for a service called "blog", in all containers beside it.
_SERVICE_LINK = re.compile(r"BLOG_(SERVICE_|PORT_\d)")
SERVICE_LINKS = (
    'Kubernetes sets it for a service called "blog": set `enableServiceLinks: false` for the pod, '
    "or give the service another name"
)
# What is wrong with a value, by Pydantic's name for it.
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
# After the name of a user, in a URL or in what lacks its beginning.
_PASSWORD = re.compile(r"((?:://|^(?!.*://))[^:/@]*):.*@", re.DOTALL)


def unknown_names(known: Sequence[str]) -> list[str]:
    """What is wrong with the environment variables that only look like settings, sorted."""
    unknown = [name for name in os.environ if name.upper().startswith(PREFIX) and name not in known]
    return [f"{name} is not a setting{_guess(name.upper(), known)}" for name in sorted(unknown)]


def _guess(name: str, known: Sequence[str]) -> str:
    if _SERVICE_LINK.match(name):
        return f"; {SERVICE_LINKS}"
    # All begin alike, which says nothing.
    guess = nearest(
        name.removeprefix(PREFIX), [known_name.removeprefix(PREFIX) for known_name in known]
    )
    return guess.replace("'", f"'{PREFIX}", 1)


def mask(value: object) -> str:
    """A value as text, without a secret: a password in a URL is one too."""
    if isinstance(value, tuple):
        value = ",".join(value)
    text = "" if value is None else str(value)
    text = _PASSWORD.sub(r"\1:***@", text)
    return re.sub(r"(?<=password=)[^&]*", "***", text)


def sentence(fault: ErrorDetails, *, secret: bool) -> str:
    """What is wrong with the value of a setting; a secret one is not shown."""
    if fault["type"] == REPLICAS:
        return fault["msg"]
    name = str(fault["loc"][0])
    shown = "its value" if secret else f"{mask(fault['input'])!r:.100}"
    reason = _REASONS.get(fault["type"], "it is not understood").format(**fault.get("ctx", {}))
    return f"{PREFIX}{name.upper()}: {shown} can't be used: {reason}"
