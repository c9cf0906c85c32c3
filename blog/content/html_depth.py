"""The nesting depth of HTML, computed in linear time.

A parser needs time that grows with the square of the depth, so the depth is limited before the HTML
is parsed. The depth that is computed here is never less than that in a parser.
"""

from __future__ import annotations

import re
from collections import Counter

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
_OPENING = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)

# Elements without content, and those that end where the next of their kind begins. In SVG and
# MathML these names have no special meaning, and nest like all others.
_VOID = "area base br col embed hr img input link meta param source track wbr"
_ENDED_BY_THE_NEXT = "colgroup dd dt li option p rb rp rt rtc tbody td tfoot th thead tr"
_NEVER_NESTED = frozenset([*_VOID.split(), *_ENDED_BY_THE_NEXT.split()])


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
