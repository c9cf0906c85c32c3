"""Markdown to HTML, as GitHub renders it; what the author wrote as HTML is still in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

import comrak

from blog.content.html_bounds import DEEPEST

# For these, comrak takes much memory.
_MOST_EMPHASIS = 300_000
_MOST_FOOTNOTES = 5_000

# What comrak takes long for, or much memory, and what no post has: an extension is left out where
# there is more of its own. Comrak looks at the whole text again for each address, adds the missing
# cells to each row of a table, and compares each heading and term with those before it.
_MOST_ADDRESS_BYTES = 400_000_000
_MOST_CELLS = 500_000
_MOST_HEADINGS = 1_000
_MOST_TERMS = 3_000
_MOST_SUPERSCRIPTS = 50_000
_MOST_FORMULAS = 1_000
_MOST_DOLLARS = 50_000
# What begins a block, or stands between the cells of a table and its head.
_MARKERS = re.compile(r"[ \t\v\f>*+\d.)\-:~|]+")
_HEADING = re.compile(r"#(?=[ \t\r\n])|[\r\n][ \t>]*+(?:=++|-++)[ \t]*+(?=[\r\n]|\Z)")
_TERM = re.compile(r"[\r\n][ \t>*+\d.)\-]*+[:~][ \t]")

# The elements of HTML, but for those of a whole page, and those in which tags are text (GitHub
# Flavored Markdown, section 6.11): a post that mentions one of them would not be shown from there.
_NAMES = (
    "a abbr acronym address applet area article aside audio b bdi bdo big blink blockquote br "
    "button canvas caption center cite code col colgroup data datalist dd del details dfn "
    "dialog dir div dl dt em embed fieldset figcaption figure font footer form h1 h2 h3 h4 h5 "
    "h6 header hgroup hr i img input ins kbd label legend li main map mark marquee menu meter "
    "nav nobr object ol optgroup option output p param picture pre progress q rb rp rt rtc ruby "
    "s samp search section select slot small source span strike strong sub summary sup table "
    "tbody td tfoot th thead time tr track tt u ul var video wbr"
)
_NOTE = re.compile(r"\[\^([^\[\]\s]++)\]")
_DEFINITION = re.compile(r"\[\^([^\[\]\s]++)\]:")
# To comrak, ``a==b and c==d`` has a mark.
_COMPARISON = re.compile(r"""[\w)\]}"']==[\w(\[{"'$]""")
_SUPERSCRIPT = re.compile(r"\^[^\s^]+\^")
# Those of MathML, of which the text is kept.
_FORMULAS = (
    "annotation maction math menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded "
    "mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr "
    "munder munderover none semantics"
)
_ELEMENTS = frozenset([*_NAMES.split(), *_FORMULAS.split()])
# An `iframe` with no other element in it, or the beginning of a tag. No attempt goes past the next
# ``<``, so that all together take linear time.
_TAG = re.compile(
    r"""<(?:(?P<frame>iframe(?=\s)(?:[^<>"']++|"[^<"]*+"|'[^<']*+')*+>)[^<]*+</iframe>"""
    r"|(?!!--)(?:/?(?P<name>[a-z][^\s/<>]*)(?=[\s/>]))?)",
    re.IGNORECASE,
)
_SOURCE = re.compile(r"[\s\"']src\s*=", re.IGNORECASE)


def excess(markdown: str) -> str | None:
    """What the Markdown has too much of, as the end of a sentence about a body; None for nothing.

    Comrak needs time that grows with the square of the depth of quotes. Without footnotes, the
    text of each would not be shown.
    """
    # Few texts have so many that they are to be counted for each block.
    if markdown.count(">") > DEEPEST and _most(">", _MARKERS.findall(markdown)) > DEEPEST:
        return f"nests quotes more than {DEEPEST} deep"
    if markdown.count("*") + markdown.count("_") > _MOST_EMPHASIS:
        return f"has more than {_MOST_EMPHASIS} asterisks and underscores"
    if markdown.count("[^") > _MOST_FOOTNOTES:
        return f"has more than {_MOST_FOOTNOTES} footnotes"
    return None


def to_html(markdown: str) -> str:
    """Render Markdown with the extensions of GitHub, definition lists, marks and math.

    A tag that is no element of HTML, or that would hide the text after it, is text.
    """
    extensions = _extensions(*_kept(markdown))
    html = comrak.render_markdown(markdown, extensions, _parsing(), _rendering())
    return _show_unknown_tags(html)


def _kept(markdown: str) -> Iterator[str]:
    """The extensions of which a text does not have too much."""
    size = len(markdown.encode())
    found = {
        "autolink": markdown.count("@") * size <= _MOST_ADDRESS_BYTES,
        "description_lists": _number(_TERM, markdown) <= _MOST_TERMS,
        "header_ids": _number(_HEADING, markdown) <= _MOST_HEADINGS,
        "highlight": "==" not in markdown or not _COMPARISON.search(markdown),
        "math_code": markdown.count("$`") <= _MOST_FORMULAS,
        "math_dollars": markdown.count("$") <= _MOST_DOLLARS,
        "superscript": markdown.count("^") <= _MOST_SUPERSCRIPTS and _marks_superscripts(markdown),
        "table": _cells(markdown) <= _MOST_CELLS,
    }
    return (name for name, is_bounded in found.items() if is_bounded)


def _number(expression: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in expression.finditer(text))


def _most(character: str, texts: Iterable[str]) -> int:
    return max((text.count(character) for text in texts), default=0)


def _cells(markdown: str) -> int:
    """How many cells there are at most, where each row has as many as the widest table."""
    rows, most = markdown.count("\n") + markdown.count("\r"), markdown.count("|")
    if rows * most <= _MOST_CELLS:
        return rows * most
    return rows * _most("|", (run for run in _MARKERS.findall(markdown) if "-" in run))


def _marks_superscripts(markdown: str) -> bool:
    """Whether each caret is part of a superscript without blanks, or of a note.

    To comrak, all between two carets of a paragraph is a superscript: ``2^10 and 2^20`` is not.
    """
    if "^" not in markdown:
        return True
    notes = set(_DEFINITION.findall(markdown))
    rest = _NOTE.sub(lambda note: "" if note[1] in notes else note[0], markdown)
    return "^" not in _SUPERSCRIPT.sub("", rest) and "\\^" not in rest


@cache
def _extensions(*names: str) -> comrak.ExtensionOptions:
    """Those that are always there, and those of these names."""
    options = comrak.ExtensionOptions()
    options.alerts = options.footnotes = True
    # One tilde strikes through, as on GitHub, and does not make a subscript.
    options.strikethrough = options.tasklist = True
    for name in names:
        if name == "header_ids":
            # An id gets its prefix later.
            options.header_id_prefix = ""
        else:
            setattr(options, name, True)
    return options


@cache
def _parsing() -> comrak.ParseOptions:
    return comrak.ParseOptions()


@cache
def _rendering() -> comrak.RenderOptions:
    options = comrak.RenderOptions()
    options.unsafe_ = True
    return options


def _show_unknown_tags(html: str) -> str:
    """Escape the ``<`` of each tag that is no element of HTML, or would hide the text after it.

    In the HTML of comrak, text has no ``<``: each one begins a tag, of comrak's or the author's.
    """
    return _TAG.sub(_show_unknown_tag, html)


def _show_unknown_tag(found: re.Match[str]) -> str:
    frame, name = found["frame"], found["name"]
    if (frame and _SOURCE.search(frame)) or (name and name.lower() in _ELEMENTS):
        return found[0]
    return found[0].replace("<", "&lt;")
