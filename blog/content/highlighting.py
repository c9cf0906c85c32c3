"""Colours for the code in a post: the classes of Pygments, made when the post is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from time import thread_time

from pygments import highlight as pygmentize
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import STANDARD_TYPES
from selectolax.lexbor import LexborHTMLParser, LexborNode

# Pygments takes up to 8 ms for a kilobyte of code, and for text that is made for it, a time that
# grows with the square of its length. So it gets pieces of whole lines, where a post has long code,
# and what follows in a post stays as it is.
MOST_CODE = 100_000
_MOST_SECONDS = 0.4
_PIECE = re.compile(r".{0,4999}\n|.{1,5000}", re.DOTALL)
# These take seconds for a piece that is made for it.
_SLOW = frozenset(
    ["ahk", "autohotkey", "easytrieve", "lilypond", "mcschema", "systemd", "tnt", "x++", "xpp"]
)
CLASSES = frozenset(filter(None, STANDARD_TYPES.values()))
_PREFIX = "language-"


def highlight_all(blocks: Iterable[LexborNode]) -> None:
    """Add the classes of Pygments to blocks of code that name a language it knows.

    Only the first 100,000 characters of all blocks are highlighted, by whole blocks, and only for
    a time that real code never takes.
    """
    rest, last = MOST_CODE, thread_time() + _MOST_SECONDS
    for code in blocks:
        if thread_time() > last:
            return
        lexer = _lexer(_language(code.attributes.get("class") or ""))
        text = code.text() if lexer else ""
        rest -= len(text)
        if lexer and rest >= 0:
            code.inner_html = _highlight(text, lexer, last)


def _highlight(text: str, lexer: Lexer, last: float) -> str:
    """The HTML of code; what is left at the last moment has no classes."""
    html = "".join(
        _colour(piece, lexer) if thread_time() < last else escape(piece)
        for piece in _PIECE.findall(text)
    )
    # A parser reads the HTML of Pygments, since only a tree can be put into another one.
    tree = LexborHTMLParser(f"<body><pre>\n{html}").css_first("pre")
    return str(tree.inner_html) if tree else ""


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


@cache
def _names() -> frozenset[str]:
    """All names of languages; to look for one that is missing would search all packages."""
    names = (name for _, names, _, _ in get_all_lexers(plugins=False) for name in names)
    return frozenset(names) - _SLOW


def _lexer(language: str) -> Lexer | None:
    if language.lower() not in _names():
        return None
    # The text is that of the author: no line is to be added or removed.
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
