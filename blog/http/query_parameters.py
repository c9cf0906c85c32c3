"""Query parameters: parses them, and reports all faults at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from blog.content.texts import check_length
from blog.content.validation import nearest
from blog.errors import Fault, Malformed
from blog.http.preferences import prefers
from blog.http.request import current_request

MOST_PARAMETERS = 50
LONGEST_TEXT = 1000

# Parses the text of a parameter; raises ValueError with a message for the client.
Parser = Callable[[str], Any]


class Query:
    """The parameters of a request, as the client wrote them and parsed."""

    def __init__(self, written: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self.written = written
        self._values = values

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a parameter, or the default where it is missing."""
        return self._values.get(name, default)


_EMPTY = Query({}, {})


def read_query(parsers: Mapping[str, Parser]) -> Query:
    """Parse the query of the request. Raises Malformed with every fault.

    An unknown parameter is a fault, unless the client prefers lenient handling.
    """
    query = current_request().query_string
    if not query:
        return _EMPTY
    pairs = _split(query)
    if prefers("handling", "lenient"):
        pairs = [(name, text) for name, text in pairs if name in parsers]
    return _parse(pairs, parsers)


def _parse(pairs: Sequence[tuple[str, str]], parsers: Mapping[str, Parser]) -> Query:
    written, names = dict(pairs), [name for name, _ in pairs]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, text in written.items():
        try:
            _check(name, names.count(name), parsers)
            values[name] = parsers[name](text)
        except ValueError as error:
            faults.append(Fault(str(error), parameter=name))
    if faults:
        raise Malformed(faults)
    return Query(written, values)


def _split(query: bytes) -> list[tuple[str, str]]:
    pairs = split_query(query)
    if len(pairs) > MOST_PARAMETERS:
        name = _shown(pairs[MOST_PARAMETERS][0])
        detail = f"exceeds the limit of {MOST_PARAMETERS} parameters"
        raise Malformed([Fault(detail, parameter=name)])
    faulty = [name for name, text in pairs if not (_is_utf_8(name) and _is_utf_8(text))]
    if faulty:
        raise Malformed([Fault("is not UTF-8", parameter=_shown(name)) for name in faulty])
    return [(name.decode(), text.decode()) for name, text in pairs]


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def split_query(query: bytes) -> list[tuple[bytes, bytes]]:
    """The decoded pairs of names and values in a query, in order."""
    # Latin-1 maps all bytes one to one, so that a name that is not UTF-8 can be reported.
    text = query.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def _shown(text: bytes) -> str:
    return text.decode(errors="replace")


def _check(name: str, count: int, parsers: Mapping[str, Parser]) -> None:
    if name not in parsers:
        raise ValueError(f"is not a known parameter{nearest(name, parsers.keys())}")
    if count > 1:
        raise ValueError(f"is given {count} times")


def whole_number(least: int, most: int) -> Parser:
    """A parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"must be a whole number from {least} to {most}, not {text!a:.60}")

    return parse


def one_of(known: Collection[str]) -> Parser:
    """A parser of one word out of ``known``."""

    def parse(text: str) -> str:
        if text in known:
            return text
        raise ValueError(f"must be one of {', '.join(known)}, not {text!a:.60}")

    return parse


def some_of(known: Collection[str]) -> Parser:
    """A parser of words out of ``known``, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        words = [word.strip() for word in text.split(",")]
        for word in words:
            if word not in known:
                raise ValueError(
                    f"{word!a:.60} is not one of {', '.join(known)}{nearest(word, known)}"
                )
        return tuple(name for name in known if name in words)

    return parse


def list_of(most: int, pattern: str, what: str) -> Parser:
    """A parser of at most ``most`` texts, separated by commas; duplicates are removed."""
    form = re.compile(pattern)

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(word.strip(" ") for word in text.split(",")))
        for word in words:
            if not form.fullmatch(word):
                raise ValueError(f"contains {word!a:.60}, which is not {what}")
        if len(words) > most:
            raise ValueError(f"must have at most {most}, not {len(words)}")
        return words

    return parse


def plain_text(text: str) -> str:
    """Parse a text as a stored one: in NFC, without white space at its ends."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    check_length(text, 0, LONGEST_TEXT)
    return unicodedata.normalize("NFC", text.strip())
