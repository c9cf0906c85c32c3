"""The rules that texts of every kind keep: how long, and which characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_LAYOUT = frozenset("\t\n\r")


def check_length(text: str, shortest: int, longest: int) -> None:
    """Raise ValueError, with a sentence for the client, unless the length is within the bounds."""
    if not shortest <= len(text) <= longest:
        raise ValueError(f"must have {shortest} to {longest} characters, not {len(text)}")


def check_encodable(text: str) -> bytes:
    """Give the text in UTF-8; raise ValueError where a lone surrogate keeps it from having one."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"must not hold lone surrogates; one is at {error.start}") from None


def one_line(shortest: int, longest: int) -> Callable[[str], str]:
    """Make a rule for a text on one line: trimmed, without control characters."""

    def check(text: str) -> str:
        text = text.strip()
        check_length(text, shortest, longest)
        check_encodable(text)
        _refuse_controls(text, allowed=frozenset())
        return text

    return check


def several_lines(longest: int) -> Callable[[str], str]:
    """Make a rule for a text that may have line breaks and tabs, kept as written."""

    def check(text: str) -> str:
        check_length(text, 0, longest)
        check_encodable(text)
        _refuse_controls(text, allowed=_LAYOUT)
        return text

    return check


def _refuse_controls(text: str, allowed: frozenset[str]) -> None:
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in allowed:
            raise ValueError(
                f"must not hold control characters; U+{ord(character):04X} is at {position}"
            )
