"""Rules for texts: their length, and the characters that they may contain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

BYTE_ORDER_MARK = "\ufeff"
_LAYOUT = frozenset("\t\n\r")
# Line breaks that are not control characters.
_LINE_SEPARATOR = re.compile("[\u2028\u2029]")
# Private characters may be in a font, and unassigned ones in a newer version of Unicode.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Mc", "Me", "Zs", "Zl", "Zp"})
# Other invisible characters: the fillers of Hangul, blank Braille, the null notehead, and those
# that Unicode reserves for characters to be ignored.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\u2065").union(
    map(chr, [*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)])
)


def check_length(text: str, shortest: int, longest: int) -> None:
    """Raise ValueError, with a message for the client, unless the length is within the bounds."""
    if not shortest <= len(text) <= longest:
        raise ValueError(f"must have {shortest} to {longest} characters, not {len(text)}")


def check_encodable(text: str) -> bytes:
    """The text in UTF-8. Raises ValueError for a lone surrogate, which can't be encoded."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"must not contain lone surrogates; one is at {error.start}") from None


def is_visible(character: str) -> bool:
    """Whether a character is visible when it stands alone.

    Spaces, controls, format characters such as joiners, variation selectors, combining marks
    without a letter, and fillers are not.
    """
    return unicodedata.category(character) not in _UNSEEN and character not in _BLANK


def name_character(character: str) -> str:
    """A character for error messages: its number if it is invisible."""
    return repr(character) if is_visible(character) else f"U+{ord(character):04X}"


def one_line(shortest: int, longest: int) -> Callable[[str], str]:
    """A rule for a text on one line, which is trimmed.

    It has a visible character, and no control characters and line breaks.
    """

    def check(text: str) -> str:
        text = text.strip()
        check_length(text, shortest, longest)
        check_encodable(text)
        _refuse_controls(text, allowed=frozenset())
        _refuse_line_breaks(text)
        if not any(map(is_visible, text)):
            raise ValueError("must contain a visible character")
        return text

    return check


def several_lines(longest: int) -> Callable[[str], str]:
    """A rule for a text that may have line breaks and tabs, and is not changed."""

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
                f"must not contain control characters; {name_character(character)} is at {position}"
            )


def _refuse_line_breaks(text: str) -> None:
    if broken := _LINE_SEPARATOR.search(text):
        name, position = name_character(broken[0]), broken.start()
        raise ValueError(f"must be on one line; the line break {name} is at {position}")
