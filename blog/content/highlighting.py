"""Colours for the code in a post: the classes of Pygments, made when the post is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape

from pygments import highlight as pygmentize
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.token import STANDARD_TYPES
from selectolax.lexbor import LexborHTMLParser, LexborNode

from blog.content.languages import Language, find_language

# Of real posts, the one with most code has 8,840 characters of it. What is beyond stays as it is.
MOST_CODE = 45_000
# To begin with a block takes as long as some characters.
_BLOCK = 10
# Long blanks and long lines, which make many lexers slow.
PLAIN = re.compile(r"(\s{100,}|^.{301,})", re.MULTILINE)
CLASSES = frozenset(filter(None, STANDARD_TYPES.values()))
_PREFIX = "language-"


def highlight_all(blocks: Iterable[LexborNode]) -> None:
    """Add the classes of Pygments to blocks of code in a language that gets colours.

    Only the first blocks are highlighted, whole ones. All bounds are numbers of characters, so that
    the same code always gets the same colours.
    """
    rest = MOST_CODE
    for code in blocks:
        language = find_language(_language(code.attributes.get("class") or ""))
        if language and has_only_text(code):
            text = code.text()
            rest -= language.bound.price * (len(text) + _BLOCK)
            if rest < 0:
                return
            code.inner_html = _highlight(text, language)


def has_only_text(node: LexborNode) -> bool:
    """Whether text is all that an element contains."""
    child = node.first_child
    return child is not None and child.is_text_node and child.next is None


def _highlight(text: str, language: Language) -> str:
    """The HTML of code; without colours if the lexer repeats or loses some of it."""
    text, lexer = text.replace("\r", "\n"), language.lexer()
    html = "".join(
        escape(piece) if is_plain or language.traps(piece) else _colour(piece, lexer)
        for piece, is_plain in _pieces(text, language.bound.piece)
    )
    # A parser reads the HTML of Pygments, since only a tree can be put into another one.
    tree = LexborHTMLParser(f"<body><pre>\n{html}").css_first("pre")
    return str(tree.inner_html) if tree and tree.text() == text else escape(text)


def _pieces(text: str, most: int) -> Iterator[tuple[str, bool]]:
    """The pieces of code, and of each whether it stays plain."""
    for number, part in enumerate(PLAIN.split(text)):
        if number % 2:
            yield part, True
        else:
            yield from ((piece, False) for piece in _cut(most).findall(part))


@cache
def _cut(most: int) -> re.Pattern[str]:
    """What finds pieces of whole lines, which end with an empty line if there is one in time."""
    ends = rf".{{1,{most}}}\Z|.{{{most // 2},{most - 2}}}\n\n|.{{0,{most - 1}}}\n"
    return re.compile(ends, re.DOTALL)


def _colour(piece: str, lexer: Lexer) -> str:
    html = str(pygmentize(piece, lexer, _formatter()))
    # Pygments ends each line.
    return html if piece.endswith("\n") else html.removesuffix("\n")


@cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True)


def _language(classes: str) -> str:
    """The language that the classes of a code block name; empty where there is none."""
    names = (name.removeprefix(_PREFIX) for name in classes.split() if name.startswith(_PREFIX))
    return next(names, "")
