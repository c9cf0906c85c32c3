"""Bodies in which a parser of Markdown or HTML may take long: each a shape of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from math import isqrt

from blog.content.languages import BOUNDS
from blog.content.posts import Format

Shape = Callable[[int], str]


def repeat(unit: str, before: str = "", after: str = "") -> Shape:
    """The same again and again, to a size, between two texts."""
    return lambda size: before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def numbered(unit: str, before: str = "", after: str = "") -> Shape:
    """Like `repeat`, with a number in each for the braces."""

    def build(size: int) -> str:
        rest = size - len(before) - len(after)
        return before + "".join(_until(rest, (unit.format(n) for n in count()))) + after

    return build


def twice(first: str, second: str) -> Shape:
    """Half of the size of one text, and half of it of another."""
    return lambda size: repeat(first)(size // 2) + repeat(second)(size // 2)


def square(line: str, end: str = "\n", before: str = "") -> Shape:
    """As many lines as each is long."""

    def build(size: int) -> str:
        side = isqrt(size)
        return repeat(repeat(line)(side - len(end)) + end, before)(size)

    return build


def growing(unit: str, end: str) -> Shape:
    """Each line is longer than the last one."""
    return lambda size: "".join(_until(size, (unit * n + end for n in count(1))))


def table(columns: int, row: str = "|\n", before: str = "") -> Shape:
    """Rows of a wide table, of which each may be short."""
    head = f"{before}{'|a' * columns}|\n{before}{'|-' * columns}|\n"
    return repeat(before + row, head)


def beside_text(blocks: str) -> Shape:
    """More code than gets colours, in blocks that repeat; then as much text as fits."""
    return lambda size: repeat(blocks)(48_000) + repeat("word " * 20 + "\n")(size - 48_000)


def code(language: str, *units: str, length: int) -> Shape:
    """Blocks of code in a language, of which each repeats a text."""
    lines = (unit if "\n" in unit else unit * (280 // len(unit)) + "\n" for unit in units)
    blocks = (f"```{language}\n{(line * length)[:length]}\n```\n" for line in lines)
    return beside_text("".join(blocks))


def trapped(language: str, *texts: str) -> Shape:
    """Blocks of code in a language, of which each has one text, and then many lines."""
    piece = next(bound.piece for bound, names in BOUNDS.items() if language in names.split())
    blocks = ((text + "\na" * piece)[: piece - 2] for text in texts)
    return beside_text("".join(f"```{language}\n{block}\n```\n" for block in blocks))


def _until(size: int, parts: Iterator[str]) -> Iterator[str]:
    for part in parts:
        size -= len(part)
        if size < 0:
            return
        yield part


# What has made lexers slow: what is not closed, what may begin anything, and long names.
HOSTILE_CODE = [
    "a\n", "a.", "a a();", "\n_", "_", "0", '\\"', "\"\n", "'\\", "/*0", "/*\n", "#\n", "<?",
    "<<a\n", "[\n", "{%", "&&", "$", "(", "#{",
]  # fmt: skip
# The slowest code that was found for languages of each bound.
_SLOWEST_CODE = {
    "apache": ("<",), "c": ("a a();",), "csharp": ("using\na\n", "a\n"), "hcl": ("<<A\n",),
    "html": ("<?", "<script>" + '\\"' * 140 + "\n</script>\n"),
    "java": ("\n_", "module_\n"), "javascript": ('\\"',), "make": ("_",),
    "php": ('<?php"' + "${" * 140 + "\n",),
    "powershell": ("#\n",), "python": ("a,",), "rst": (".._a\n",),
    "ruby": (":@\n",), "xml": ("a_\n",),
}  # fmt: skip
# Code for which the time of a lexer doubled with each of some characters, before it was trapped.
_TRAPPED_CODE = {
    "bash": ("$'" + "\\777" * 99, "$'" + ("\\" + "0" * 12) * 4, "$'" + "\\777" * 4),
    "c": (
        "a " + "//\\\n" * 26, "a " + "//\\\n\n" * 26, "a /" + "\\\n**\\\n///a /" * 26,
        "a a()//\\\n\n//" + "\\\n" * 480,
    ),
    "common-lisp": ("*" + "." * 99, "*" + ("........" + "\\ ") * 5, ("*" + "." * 7 + " ") * 9),
    "emacs-lisp": ("`" + "." * 99, "*" + ("........" + "\\ ") * 5, ("`" + "." * 7 + " ") * 9),
    "fortran": ('"' + "\\777" * 16, "'" + "\\777" * 16, '"' + "\\7" * 99),
    "perl": ("s!" + "\\" * 99, "s!" + "\\" * 23, "s!" + "\\" * 13),
    "php": ("<?php <<<" + "é" * 99,),
    "rst": (":" + "\\" * 99, ":" + "\\" * 23 + "a" * 270, ":" + "\\" * 9 + "a" * 270),
    "scala": ('"' + "\\" * 99, '"' + "\\" * 23, '"' + "\\" * 11),
}  # fmt: skip
_LANGUAGES = sorted(name for names in BOUNDS.values() for name in names.split())

_MARKDOWN: dict[str, Shape] = {
    "words": repeat("word "),
    "lines": repeat("a\n"),
    "blank lines": repeat("\n"),
    "hard breaks": repeat("a  \n"),
    "paragraphs": repeat("a\n\n"),
    "rules": repeat("---\n\n"),
    "quotes in quotes": repeat(">", after="a"),
    "quotes in quotes, with blanks": repeat("> ", after="a"),
    "deeper quotes": growing("> ", "a\n"),
    "many quotes": repeat("> a\n\n"),
    "lists in lists": repeat("- ", after="a"),
    "numbers in numbers": repeat("1. ", after="a"),
    "deeper lists": growing(" ", "- a\n"),
    "list after list": repeat("* a\n+ b\n"),
    "items": repeat("- a\n"),
    "loose items": repeat("- a\n\n"),
    "empty items": repeat("-\n"),
    "tasks": repeat("- [ ] a\n"),
    "quotes and terms": repeat(">: ", after="a"),
    "quotes and numbers": repeat(">1.", after="a"),
    "quotes and lists": repeat("> - ", after="a"),
    "emphasis in emphasis": repeat("*a **a "),
    "emphasis, closed": twice("*a ", " a*"),
    "stars": repeat("*"),
    "stars and lines": repeat("*_"),
    "left and right": repeat("*a_ "),
    "stars around letters": repeat("a**b"),
    "stars by threes": twice("a**b", "c* "),
    "marks of all kinds": repeat("*a **b _c __d ~e ~~f ==g ^h "),
    "stars and brackets": repeat("**x [a*b**c*](d)"),
    "tildes in turn": repeat("~~a~b"),
    "underscores": repeat("_a __b "),
    "tildes": repeat("~a ~~b "),
    "marks": repeat("==a "),
    "equals": repeat("="),
    "superscripts": repeat("^a"),
    "carets": repeat("^"),
    "brackets": repeat("["),
    "brackets, closed": twice("[", "]"),
    "closing brackets": repeat("]"),
    "bracket pairs": repeat("[]"),
    "links in links": twice("[", "](a)"),
    "links, not closed": repeat("[a]("),
    "links, in angles": repeat("[a](<b"),
    "link titles, not closed": repeat('[a](b "'),
    "links": repeat("[a](b) "),
    "images in images": twice("![", "](a)"),
    "images": repeat("![a](b) "),
    "references": numbered("[{}]: a\n"),
    "equal references": repeat("[a]: b\n"),
    "references without addresses": repeat("[a]:\n"),
    "reference titles, not closed": repeat('[a]: b "c\n'),
    "brackets in brackets": repeat("[[a]"),
    "escaped brackets": repeat("[\\["),
    "images, not closed": repeat("![[]()"),
    "long references": lambda size: f"[a]: {'u' * (size // 2)}\n\n" + repeat("[a] ")(size // 2 - 9),
    "used references": lambda size: f"[a]: {'u' * 99}\n\n" + repeat("[a]")(size - 109),
    "missing references": numbered("[{}] "),
    "reference definitions, not closed": repeat("[a]: <b\n"),
    "long labels": repeat("[" + "a" * 998 + "] "),
    "footnote marks": repeat("[^1] "),
    "footnote marks, not closed": lambda size: repeat("a", "[^" * 5000)(size),
    "sources of a frame": repeat("src= ", '<iframe title="', '">x'),
    "frames, not closed": repeat('<iframe src="'),
    "math in elements": lambda size: repeat("a", "<span data-math-style=x>" * 490)(size),
    "used footnotes": repeat("[^1] ", after="\n\n[^1]: a\n"),
    "footnotes": numbered("[^{0}]\n\n[^{0}]: a\n\n"),
    "equal footnotes": repeat("[^1]: a\n\n", "[^1]\n\n"),
    "footnotes in footnotes": numbered("[^{0}]: [^{0}] a\n\n"),
    "inline footnotes": repeat("^[a"),
    "less-than signs": repeat("<"),
    "tags, not closed": repeat("<a "),
    "comments, not closed": repeat("<!-- a "),
    "declarations": repeat("<!A "),
    "instructions": repeat("<? a "),
    "sections": repeat("a <![CDATA[ "),
    "ampersands": repeat("&"),
    "entities": repeat("&amp;"),
    "entities, not closed": repeat("&amp"),
    "numbers of characters": repeat("&#1234567;"),
    "quotation marks": repeat('"'),
    "apostrophes": repeat("'"),
    "backslashes": repeat("\\"),
    "escapes": repeat("\\*"),
    "longer backticks": growing("`", "a "),
    "shorter backticks": lambda size: growing("`", "a ")(size)[::-1],
    "backticks": repeat("`"),
    "code spans": repeat("`a` "),
    "code spans, not closed": repeat("`a `` "),
    "addresses of mail": repeat("a@b.c "),
    "at signs": repeat("@"),
    "at signs between letters": repeat("a@"),
    "colons": repeat(":"),
    "almost hosts": repeat("ww.www."),
    "schemes in turn": repeat("http:https://"),
    "addresses of chat": repeat("xmpp:a@b.c/"),
    "definitions with tildes": repeat("a\n\n~ b\n\n"),
    "schemes": repeat("a:"),
    "dots": repeat("a."),
    "hosts": repeat("www."),
    "hosts with blanks": repeat("www.a.b "),
    "addresses": repeat("http://a"),
    "addresses with blanks": repeat("http://a.b "),
    "addresses in brackets": repeat("http://a.b/(("),
    "addresses with entities": repeat("http://a.b/&a;"),
    "addresses, closed": lambda size: "http://a.b/" + twice("(", ")")(size - 11),
    "addresses before letters": lambda size: "mailto:a@b.c " * 5000 + "a" * (size - 65_000),
    "mailto": repeat("mailto:a@b.c "),
    "slashes": repeat("/"),
    "scheme ends": repeat("://"),
    "table of 1,000 columns": table(1000),
    "table of 10,000 columns": table(10_000),
    "table of full rows": table(100, "|a" * 100 + "|\n"),
    "table in a quote": table(1000, before="> "),
    "table in a list": lambda size: "- a\n\n" + table(1000, before="  ")(size - 5),
    "tables in items": repeat("- |a|b|\n  |-|-|\n  |1|2|\n"),
    "table of one column": repeat("|a|\n", "|a|\n|-|\n"),
    "tables": repeat("|a|\n|-|\n|b|\n\n"),
    "delimiters only": square("|-"),
    "wide heads": square("|a"),
    "heads and delimiters": square("|-", "\n\n"),
    "table with carriage returns": lambda size: table(1000)(size).replace("\n", "\r"),
    "pipes": repeat("|"),
    "escaped pipes": repeat("\\|", "|a|\n|-|\n|"),
    "tables without pipes at the sides": lambda size: repeat("a\n", "a" + "|a" * 999 + "\n-"
                                                            + "|-" * 999 + "\n")(size),
    "delimiters with blanks": lambda size: repeat("|\n", "|a" * 999 + "|\n" + "| :-: " * 999
                                                 + "|\n")(size),
    "delimiters in a nested quote": table(1000, before="> - > "),
    "tables after a paragraph": repeat("a\n|a|\n|-|\n"),
    "lines before delimiters": repeat("|a|\n"),
    "tabs before a table": table(1000, before="\t- "),
    "vertical tabs in a table": lambda size: repeat("|\n", "|a" * 999 + "|\n" + "|\v-\f" * 999
                                                   + "|\n")(size),
    "equal headings": repeat("# a\n"),
    "headings": numbered("# {}\n"),
    "headings that collide": numbered("# a\n# a-{}\n"),
    "own ids": numbered("# a {{#x{}}}\n"),
    "own ids in a heading": repeat("{#x} ", "# "),
    "blanks in a heading": repeat(" ", "# a", "b"),
    "blanks and ids in a heading": repeat("  {#x", "# a", "b"),
    "underlined headings": repeat("a\n-\n"),
    "hashes": repeat("#"),
    "heading of tags": repeat("*a* ", "# "),
    "definitions": repeat("a\n\n: b\n\n"),
    "definitions of one term": repeat(": b\n\n", "a\n\n"),
    "definitions in definitions": repeat(": ", "a\n\n"),
    "terms": repeat("a\n: b\n"),
    "alerts": repeat("> [!NOTE]\n> a\n\n"),
    "alerts in alerts": growing("> ", "[!NOTE]\n"),
    "dollars": repeat("$"),
    "formulas": repeat("$a$ "),
    "formulas, not closed": repeat("$a $$b "),
    "formulas of code": repeat("$`a`$ "),
    "longer dollars": growing("$", "a "),
    "formulas in code": repeat("$`a "),
    "front matter": repeat("---\na: b\n"),
    "code blocks": repeat("```\na\n```\n\n"),
    "code blocks of a language": repeat("```python\nif a:\n```\n\n"),
    "code blocks of many languages": repeat("```python\na\n```\n```c\na\n```\n```html\na\n```\n"),
    "code blocks of all languages": beside_text("".join(f"```{n}\na\n```\n" for n in _LANGUAGES)),
    **{f"slow code of {n}": code(n, *units, length=4900) for n, units in _SLOWEST_CODE.items()},
    **{f"trapped code of {n}": trapped(n, *units) for n, units in _TRAPPED_CODE.items()},
    **{f"code of {n}": code(n, *HOSTILE_CODE, length=900) for n in _LANGUAGES},
    "large code block": repeat("if a: b(1)\n", "```python\n", "```\n"),
    "fences, not closed": repeat("```\n~~~\n"),
    "indented code": repeat("    a\n\n"),
    "tabs": repeat("\t"),
    "blanks": repeat(" "),
    "nulls": repeat("\0"),
    "carriage returns": repeat("\r"),
    "four bytes each": lambda size: "😀" * (size // 4),
    "combining marks": lambda size: "́" * (size // 2),
    "HTML blocks": repeat("<div>\n\n</div>\n\n"),
    "HTML elements": repeat("<b>a</b> "),
    "attributes between quotation marks": numbered("a{} ", '<div x" ', '"y>'),
    "long info": repeat("a", "```", "\nb\n```\n"),
}  # fmt: skip

# Elements across which a closing tag has no effect, and attributes in which a mark quotes nothing.
_SCOPES = ("marquee", "object", "select", "table", "template")
_QUOTED_NAMES = ('x"', "x'", 'x=y"', '"', "=a")

_HTML: dict[str, Shape] = {
    "blocks in blocks": repeat("<div>"),
    "blocks in blocks, closed": twice("<div>", "</div>"),
    "as deep as may be": repeat("<div>" * 490 + "a" + "</div>" * 490),
    "letters at the deepest": lambda size: repeat("<p>a</p>", "<div>" * 490)(size),
    "misnested": repeat("<b><i></b>"),
    "misnested, with paragraphs": repeat("<b><p></b>"),
    "misnested, as deep as may be": repeat("<b>" * 240 + "<p>" + "</b>" * 240 + "</p>"),
    "misnested across a block": repeat("<b><i><u><s><div></b></i></u></s></div>"),
    "formatting that is opened again": repeat("<p><b><i><u><s>" * 99 + "</p>" * 99),
    "formatting of many kinds": numbered("<b title={}><p>"),
    "links around tables": repeat("<a><table>"),
    "links in links": repeat("<a>"),
    "links with paragraphs": repeat("<a><p>"),
    "attributes": numbered(" a{}", "<a ", ">"),
    "attributes in many": repeat(f"<a {' '.join(f'a{n}' for n in range(499))}>x</a>"),
    "equal attributes": repeat(" a", "<a ", ">"),
    "attributes without blanks": numbered('a{}=""', "<a ", ">"),
    "items": repeat("<li>"),
    "paragraphs": repeat("<p>"),
    "ended paragraphs": repeat("</p>"),
    "ended breaks": repeat("</br>"),
    "end tags": repeat("</a>"),
    "terms": repeat("<dt><dd>"),
    "options": repeat("<option>"),
    "tables in tables": repeat("<table><tr><td>"),
    "tables": repeat("<table><tr><td>a</table>"),
    "rows": repeat("<tr><td>a", "<table>"),
    "text in a table": repeat("a<tr>", "<table>"),
    "blocks in a table": repeat("<br>", "<table>"),
    "cells outside": repeat("<td>"),
    "svg": repeat("<svg>"),
    "paragraphs in svg": repeat("<svg><p>"),
    "titles in svg": repeat("<svg><title><p></p></title></svg>"),
    "math": repeat("<math><mi>"),
    "math in math": lambda size: repeat("a", "<math>" * 490)(size),
    "ids that are taken": numbered("<p id=x><p id=x-{0}>"),
    "select": repeat("<select>"),
    "options in a select": repeat("<select><option>"),
    "templates": repeat("<template>"),
    "buttons": repeat("<button>"),
    "forms": repeat("<form>"),
    "headings": repeat("<h1>"),
    "ruby": repeat("<ruby><rt>"),
    "objects": repeat("<object>"),
    "marquees": repeat("<marquee><b>"),
    "no break": repeat("<nobr>"),
    "comments": repeat("<!-- -->"),
    "comments, not closed": repeat("<!--"),
    "almost comments": repeat("<!-"),
    "comment ends": repeat("--!>", "<!--"),
    "sections": repeat("<![CDATA["),
    "instructions": repeat("<?"),
    "scripts": repeat("<script>"),
    "scripts and comments": repeat("<script><!--<script>"),
    "styles": repeat("<style></style>"),
    "text areas": repeat("<textarea>"),
    "plain text": repeat("<plaintext>"),
    "frames": repeat("<iframe src=x></iframe>"),
    "frames of a known host": repeat('<iframe src="https://www.youtube.com/a"></iframe>'),
    "frames, not closed": repeat("<iframe src=x>"),
    "frames without an address": repeat("<iframe></iframe>"),
    "images": repeat("<img src=a>"),
    "image of many": numbered("a{} 2x, ", "<img srcset='", "'>"),
    "image of commas": repeat(",", "<img srcset='", "'>"),
    "image of blanks": repeat(" ", "<img srcset='", "'>"),
    "image of commas and blanks": repeat(",  ", "<img srcset='a", "'>"),
    "pictures": repeat("<picture><source srcset='a 1x'></picture>"),
    "classes": numbered("language-{} ", "<p class='", "'>"),
    "long class": repeat("a", "<p class='is-", "'>"),
    "long id": repeat("a", "<p id='", "'>"),
    "id of words": repeat("a ", "<p id='", "'>"),
    "ids": numbered("<p id=a{}>"),
    "equal ids": repeat("<p id=a>"),
    "labels": repeat("a ", "<p aria-labelledby='", "'>"),
    "many labels": repeat("<p aria-labelledby='a'>"),
    "names": repeat("<a name=x></a>"),
    "links": repeat("<a href=#a>a</a>"),
    "links to hosts": repeat("<a href=//a>a</a>"),
    "relations": repeat("me ", "<a href=a rel='", "'>"),
    "long address": repeat("/a", "<a href='", "'>"),
    "address of backslashes": repeat("\\", "<a href='", "'>"),
    "address of posts": repeat("post/", "<a href='", "'>"),
    "address of blanks": repeat(" ", "<a href='", "a'>"),
    "quotation mark, not closed": repeat("a", '<a "'),
    "quotation marks": repeat('<a "'),
    "quotation marks in turn": repeat("<a \"'"),
    "apostrophes": repeat("<a '"),
    "less-than signs": repeat("<"),
    "tags, not closed": repeat("<a "),
    "tags with a slash": repeat("<a/"),
    "blanks in a tag": repeat(" ", "<a"),
    "slashes in a tag": repeat("/", "<a"),
    "ampersands": repeat("&"),
    "entities": repeat("&amp;"),
    "entities, not closed": repeat("&notit"),
    "entities in an attribute": repeat("&amp;", "<p title='", "'>"),
    "numbers of characters": repeat("&#x"),
    "greater-than signs": repeat(">"),
    "text": repeat("a "),
    "nulls": repeat("\0"),
    "carriage returns": repeat("\r"),
    "four bytes each": lambda size: "😀" * (size // 4),
    "inputs": repeat("<input type=checkbox>"),
    "other inputs": repeat("<input>"),
    "unknown elements": repeat("<x>"),
    "unknown elements, closed": repeat("<x></x>"),
    "many elements": repeat("<b>a</b>"),
    "bodies": numbered("<body a{}>"),
    "documents": numbered("<html a{}>"),
    "frame sets": repeat("<frameset>"),
    "details": repeat("<details><summary>"),
    "long name of an element": repeat("a", "<"),
    "tags in names of tags": repeat("<x"),
    "items and terms": repeat("<li><dd>"),
    "notes outside ruby": repeat("<rp><rt>"),
    "vertical tabs in tags": repeat("<div\x0b></div>"),
    "forms closed too early": repeat("<form><object></form></object></form>"),
    "closed in a quotation": repeat("<div></x y='</div>'>"),
    "formatting across blocks": repeat("<span><div></span></div>"),
    "blocks across math": repeat("<div><math><mi></div></mi></math>"),
    **{f"blocks across a {n}": repeat(f"<div><{n}></div></{n}>") for n in _SCOPES},
    **{f"bold across a {n}": repeat(f"<b><{n}></b></{n}>") for n in _SCOPES},
    **{f"attributes after {a}": numbered("a{} ", f"<a {a} ", ">") for a in _QUOTED_NAMES},
}  # fmt: skip

SHAPES: dict[tuple[Format, str], Shape] = {
    **{("markdown", name): shape for name, shape in _MARKDOWN.items()},
    **{("html", name): shape for name, shape in _HTML.items()},
}
