"""Markdown to HTML, as GitHub renders it; what the author wrote as HTML is still in it."""

from __future__ import annotations

import re
from functools import cache

import comrak

# Text in which comrak would take minutes, though no post has it: it looks at the whole text again
# for each address, and adds the missing cells to each row of a table.
_MOST_ADDRESSES = 5_000
_MOST_CELLS = 500_000
_DELIMITERS = re.compile(r"^[ \t>*+\d.)]*\|?[ \t]*:?-[-:| \t]*$", re.MULTILINE)

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
_NOTE = re.compile(r"\[\^([^\]\s]+)\]")
_DEFINITION = re.compile(r"\[\^([^\]\s]+)\]:")
_SUPERSCRIPT = re.compile(r"\^[^\s^]+\^")
# An `iframe` with an address and nothing in it, or the beginning of a tag of no such element.
_TAG = re.compile(
    r"(?P<embed><iframe\s[^<>]*\bsrc=[^<>]*>\s*</iframe>)"
    rf"|<(?!!--|/?(?:{'|'.join(_NAMES.split())})[\s/>])",
    re.IGNORECASE,
)


def to_html(markdown: str) -> str:
    """Render Markdown with the extensions of GitHub, definition lists, marks and math.

    A tag that is no element of HTML, or that would hide the text after it, is text.
    """
    extensions = _extensions(
        autolink=markdown.count("@") <= _MOST_ADDRESSES,
        superscript=_marks_superscripts(markdown),
        table=_cells(markdown) <= _MOST_CELLS,
    )
    html = comrak.render_markdown(markdown, extensions, _parsing(), _rendering())
    return _show_unknown_tags(html)


def _cells(markdown: str) -> int:
    """How many cells there are at most, where each row has as many as the widest table."""
    widest = max((row.count("|") for row in _DELIMITERS.findall(markdown)), default=0)
    return widest * markdown.count("\n")


def _marks_superscripts(markdown: str) -> bool:
    """Whether each caret is part of a superscript without blanks, or of a note.

    To comrak, all between two carets of a paragraph is a superscript: ``2^10 and 2^20`` is not.
    """
    notes = set(_DEFINITION.findall(markdown))
    rest = _NOTE.sub(lambda note: "" if note[1] in notes else note[0], markdown)
    return "^" not in _SUPERSCRIPT.sub("", rest)


@cache
def _extensions(*, autolink: bool, superscript: bool, table: bool) -> comrak.ExtensionOptions:
    options = comrak.ExtensionOptions()
    options.alerts = options.description_lists = options.footnotes = options.highlight = True
    options.math_code = options.math_dollars = True
    # One tilde strikes through, as on GitHub, and does not make a subscript.
    options.strikethrough = options.tasklist = True
    options.header_id_prefix = ""
    options.autolink, options.superscript, options.table = autolink, superscript, table
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
    """Escape the ``<`` of each tag that is not to be one.

    In the HTML of comrak, text has no ``<``: each one begins a tag, of comrak's or the author's.
    """
    return _TAG.sub(lambda found: found["embed"] or "&lt;", html)
