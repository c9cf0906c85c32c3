"""What HTML may have, counted in linear time before it is parsed.

A parser needs time that grows with the square of the depth, of the attributes of an element, and of
the character references in a text. The depth that is computed here is never less than that in a
parser.
"""

from __future__ import annotations

import re
from collections import Counter

LARGEST = 8 * 1024 * 1024
MOST_TAGS = 250_000
DEEPEST = 500
MOST_ATTRIBUTES = 500
MOST_REFERENCES = 250_000

# A comment, an element of plain text, an opening tag with its attributes, or a closing tag. A
# closing tag inside the first three closes nothing; an opening one counts, as it may for a parser.
# The expressions do not backtrack.
_TOKEN = re.compile(
    r"""<!--.*?(?:-->|\Z)
    | <(?P<plain>iframe|noembed|noframes|script|style|textarea|title|xmp)\b.*?(?:</(?P=plain)|\Z)
    | <[a-z](?:[^>"']++|"[^"]*+"|'[^']*+')*+
    | </(?P<closed>[a-z][^\s/>]*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# A tag that is long enough for too many attributes.
_LONG_TAG = re.compile(
    rf"""<[a-z](?:[^>"']|"[^"]*"|'[^']*'){{{MOST_ATTRIBUTES},}}+""", re.IGNORECASE
)
_BLANK = re.compile(r"\"[^\"]*\"|'[^']*'|(?<![\s/])[\s/]++[^\s/>=]")
_OPENING = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)

# Elements without content, and those that end where the next of their kind begins. In SVG and
# MathML these names have no special meaning, and nest like all others.
_VOID = "area base br col embed hr img input link meta param source track wbr"
_ENDED_BY_THE_NEXT = "colgroup dd dt li option p rb rp rt rtc tbody td tfoot th thead tr"
_NEVER_NESTED = frozenset([*_VOID.split(), *_ENDED_BY_THE_NEXT.split()])


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
    if _has_long_tag(html):
        return f"has an HTML element with more than {MOST_ATTRIBUTES} attributes"
    return None


def _has_long_tag(html: str) -> bool:
    """Whether an element has too many attributes; those in quotes have no part in the count."""
    return any(len(_BLANK.findall(tag[0])) > MOST_ATTRIBUTES for tag in _LONG_TAG.finditer(html))


def nests_deeper(html: str, limit: int) -> bool:
    """Whether more elements than the limit are open at once."""
    # Each element begins with one of these.
    if html.count("<") <= limit:
        return False
    opened: Counter[str] = Counter()
    depth = 0
    for token in _TOKEN.finditer(html):
        if closed := token["closed"]:
            ended = min(1, opened[closed.lower()])
            opened[closed.lower()] -= ended
            depth -= ended
            continue
        names = [name.lower() for name in _OPENING.findall(token[0])]
        if token["plain"]:
            del names[0]
        foreign = opened["svg"] or opened["math"] or {"svg", "math"} & set(names)
        begun = [name for name in names if foreign or name not in _NEVER_NESTED]
        opened.update(begun)
        depth += len(begun)
        if depth > limit:
            return True
    return False
