"""Which resource a request is for, and at which kind of URL: what all requests for it share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from flask import current_app, request


def route() -> str | None:
    """The template of the request's URL, such as ``/post/<post_id>``.

    None where there is nothing, or nothing with that method.
    """
    rule = request.url_rule
    return None if rule is None else _template(rule.rule)


def resource() -> Any:
    """The class of the resource that the request is for, None where there is none."""
    rule = request.url_rule
    return rule and getattr(current_app.view_functions[rule.endpoint], "view_class", None)


@lru_cache
def _template(rule: str) -> str:
    """A rule without its converters."""
    return re.sub(r"<\w+:", "<", rule)
