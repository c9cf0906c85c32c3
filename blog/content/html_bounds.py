"""What HTML may have, counted in linear time before it is parsed.

A parser needs time that grows with the square of the depth, of the attributes of an element, and of
the character references in a text. No parser finds more of them than are counted here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

LARGEST = 8 * 1024 * 1024
MOST_TAGS = 250_000
DEEPEST = 500
MOST_ATTRIBUTES = 500
MOST_REFERENCES = 250_000
# How often the text may be read again, for tags that begin inside of others.
_MOST_READINGS = 4

# The expressions are those of HTML's tokenizer, whose blanks are fewer than Python's, and to which
# a quotation mark begins a value only after an equals sign. They do not backtrack.
_NAME = r"[a-z][^\t\n\f\r />]*+"
_ATTRIBUTE = r"""[^\t\n\f\r />][^\t\n\f\r />=]*+(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+
    (?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+)?+"""
_ATTRIBUTES = rf"(?:[\t\n\f\r /]++|{_ATTRIBUTE})*+"
_PLAIN = "iframe|noembed|noframes|script|style|textarea|title|xmp"
# A comment, an element of plain text, an opening or a closing tag.
_TOKEN = re.compile(
    rf"""<!--(?:-?>|.*?(?:--!?>|\Z))
    | <(?:[!?]|/(?![a-z>]))[^>]*+
    | <(?P<plain>{_PLAIN})(?=[\t\n\f\r />]){_ATTRIBUTES}>
      (?P<text>.*?)(?:</(?P=plain)(?=[\t\n\f\r />]){_ATTRIBUTES}|\Z)
    | <(?P<opened>{_NAME}){_ATTRIBUTES}
    | </(?P<closed>{_NAME}){_ATTRIBUTES}""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_OPENING = re.compile(r"<[a-z]", re.IGNORECASE)
# A tag as it is read from any place where one may begin.
_TAG = re.compile(rf"(?=<({_NAME})({_ATTRIBUTES}))", re.IGNORECASE | re.VERBOSE)
_EACH_ATTRIBUTE = re.compile(_ATTRIBUTE, re.IGNORECASE | re.VERBOSE)

# Elements without content. In SVG and MathML, the latter have no special meaning.
_VOID = frozenset({"br", "embed", "hr", "img", "meta"})
_VOID_IN_HTML = frozenset(
    {"area", "base", "col", "input", "link", "param", "source", "track", "wbr"}
)
# A closing tag of these that closes nothing makes an element.
_MADE_BY_CLOSING = frozenset({"br", "p"})
# In these, a parser may take for tags what is plain text elsewhere, or the reverse.
_FOREIGN = frozenset({"math", "svg"})
_PECULIAR = _FOREIGN | {"frameset", "select", "template"}
# A parser may add a body and a row to a table.
_TABLE = 3
# What an opening tag ends, where it is innermost.
_CELLS = frozenset({"td", "th"})
_ROWS = _CELLS | {"tr"}
_SECTIONS = _ROWS | {"tbody", "tfoot", "thead"}
_TERMS = frozenset({"dd", "dt", "p"})
_ENDED = {
    "p": {"p"}, "li": {"li", "p"}, "dd": _TERMS, "dt": _TERMS, "option": {"option"},
    "td": _CELLS, "th": _CELLS, "tr": _ROWS, "tbody": _SECTIONS, "tfoot": _SECTIONS,
    "thead": _SECTIONS,
}  # fmt: skip


def length_excess(html: str) -> str | None:
    """What there is too much of to look closer, as `excess` says it."""
    if len(html) > LARGEST:
        return f"renders to more than {LARGEST} characters of HTML"
    if html.count("<") > MOST_TAGS:
        return f"renders to more than {MOST_TAGS} tags of HTML"
    return None


def excess(html: str) -> str | None:
    """What the HTML has too much of, as the end of a sentence about a body; None for nothing."""
    if reason := length_excess(html):
        return reason
    if html.count("&") > MOST_REFERENCES:
        return f"renders to more than {MOST_REFERENCES} character references"
    if nests_deeper(html, DEEPEST):
        return f"nests HTML elements more than {DEEPEST} deep"
    return _tag_excess(html)


def _tag_excess(html: str) -> str | None:
    """What a tag has too much of, wherever a parser may take one to begin."""
    rest = _MOST_READINGS * len(html)
    for tag in _TAG.finditer(html):
        rest -= tag.end(2) - tag.start()
        if rest < 0:
            return "has too many HTML tags inside of tags"
        if len(tag[2]) > MOST_ATTRIBUTES and most_attributes(tag[2]) > MOST_ATTRIBUTES:
            return f"has an HTML element with more than {MOST_ATTRIBUTES} attributes"
    return None


def most_attributes(tag: str) -> int:
    """How many attributes stand in a tag, after its name."""
    return len(_EACH_ATTRIBUTE.findall(tag))


def nests_deeper(html: str, limit: int) -> bool:
    """Whether more elements than the limit are open at once."""
    # Each element begins with one of these.
    return html.count("<") > limit and any(depth > limit for depth in depths(html))


def depths(html: str) -> Iterator[int]:
    """How many elements are open at most, after each tag."""
    opened = _Opened()
    for token in _TOKEN.finditer(html):
        if opened.may_hide_tags(token):
            yield opened.depth + _TABLE * len(_OPENING.findall(html, token.start()))
            return
        if closed := token["closed"]:
            opened.close(closed.lower())
            yield opened.depth + (closed.lower() in _MADE_BY_CLOSING)
        elif name := token["opened"]:
            yield opened.open(name.lower())
        elif token["plain"]:
            yield opened.depth + 1


class _Opened:
    """The elements that may be open. A parser has no more, since it closes all that is closed here.

    A closing tag has no effect unless it names the innermost: across some elements, a parser
    ignores it.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.depth = 0
        self._foreign = 0
        self._is_peculiar = False

    def may_hide_tags(self, token: re.Match[str]) -> bool:
        """Whether a parser may go on from another place than the end of the token."""
        text = token["text"] or ""
        if "<" in text:
            return self._is_peculiar or "<script" in text.lower()
        return self._is_peculiar and token[0].startswith("<![CDATA[")

    def open(self, name: str) -> int:
        """Open an element; give how many are open with it."""
        self._is_peculiar = self._is_peculiar or name in _PECULIAR
        if not self._foreign:
            self._end_with(_ENDED.get(name, ()))
        if name in _VOID or (name in _VOID_IN_HTML and not self._foreign):
            return self.depth + 1
        self.names.append(name)
        self.depth += _weight(name)
        self._foreign += name in _FOREIGN
        return self.depth

    def close(self, name: str) -> None:
        """Close the innermost element if it has this name; a form may be closed too early."""
        if self.names and self.names[-1] == name and name != "form":
            self._pop()

    def _end_with(self, names: Collection[str]) -> None:
        while self.names and self.names[-1] in names:
            self._pop()

    def _pop(self) -> None:
        name = self.names.pop()
        self.depth -= _weight(name)
        self._foreign -= name in _FOREIGN


def _weight(name: str) -> int:
    return _TABLE if name == "table" else 1
