"""The colours of code: in which languages, how much of it, and that its words stay."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from blog.content.languages import BOUNDS, TRAPS, find_language
from tests.content.tags import POST_ID
from tests.renderings import render
from tests.scenarios.hostile_shapes import HOSTILE_CODE

LANGUAGES = sorted(name for names in BOUNDS.values() for name in names.split())
# Something of many languages, so that each lexer finds words, strings and comments.
CODE = """
# "a" <b class='c'>&amp;</b>\t/* d */ // e \\n é
if (f == 0x1f) { return `g ${h}`; } -- i
  j:  [1, 2.5e3]

$ k <<< "l" | m > n %{o} @p #{q} \\r
"""


def colour(language: str, code: str) -> str:
    """The HTML of a block of code."""
    return render(f"```{language}\n{code}\n```\n", "markdown", POST_ID)


def plain(language: str, code: str) -> str:
    """The HTML of a block that has no colours."""
    return f'<pre><code class="language-{language}">{code}\n</code></pre>\n'


def text_of(html: str) -> str:
    """The text of a page."""
    body = LexborHTMLParser(html).body
    return body.text() if body else ""


def test_code_has_the_classes_of_its_language() -> None:
    assert colour("python", "def f(): pass").startswith(
        '<pre><code class="language-python"><span class="k">def</span>'
    )


@pytest.mark.parametrize("name", ["py", "RS", "mjs", "wasm", "postgres", "c++", "c#", "f#"])
def test_a_language_has_all_its_names(name: str) -> None:
    assert '<span class="' in colour(name, '"a"')


@pytest.mark.parametrize("name", ["unknown", "x" * 50, "batch", "delphi", "ahk"])
def test_code_in_another_language_stays_plain(name: str) -> None:
    assert colour(name, "def f(): &lt;") == plain(name, "def f(): &amp;lt;")


def test_code_in_no_language_stays_plain() -> None:
    assert colour("", "def f(): pass") == "<pre><code>def f(): pass\n</code></pre>\n"


def test_a_block_without_code_stays_empty() -> None:
    html = render("```python\n```\n", "markdown", POST_ID)

    assert html == '<pre><code class="language-python"></code></pre>\n'


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_colours_change_no_character(language: str) -> None:
    code = CODE + "".join(f"{unit * 9}\n" for unit in HOSTILE_CODE)

    html = colour(language, code)

    assert text_of(html) == code + "\n\n"
    assert html == colour(language, code)


def test_blanks_at_the_beginning_stay() -> None:
    code = '\n\n  a = "<b>&amp;</b>"\t# é\n\n'

    html = colour("python", code)

    assert html.startswith('<pre><code class="language-python">\n\n')
    assert text_of(html) == code + "\n\n"


@pytest.mark.parametrize("code", ["\ufeffa", "a\ufeff\n\ufeff", "\x00 \x0b\x0c\x1c\x85\u2028 a"])
def test_strange_characters_stay(code: str) -> None:
    assert text_of(colour("python", code)) == code.replace("\0", "\ufffd") + "\n\n"


def test_each_line_ending_ends_a_line() -> None:
    html = render(
        '<pre><code class="language-c">int a;&#13;int b;</code></pre>', "markdown", POST_ID
    )

    assert html.count('<span class="kt">int</span>') == 2
    assert text_of(html) == "int a;\nint b;\n"


def test_what_is_beyond_the_most_code_stays_plain() -> None:
    block = "```json\n" + "[\n" * 11_000 + "```\n"

    html = render(block * 3, "markdown", POST_ID)

    assert html.count('<code class="language-json"><span') == 2


def test_code_of_a_slow_language_counts_more() -> None:
    block = "```java\n" + "int a;\n" * 2000 + "```\n"

    html = render(block * 2, "markdown", POST_ID)

    assert html.count('<code class="language-java"><span') == 1


def test_many_small_blocks_count_more_than_their_text() -> None:
    html = render("```c\n1\n```\n" * 5000, "markdown", POST_ID)

    assert html.count("<span") == 3750


def test_a_piece_ends_with_an_empty_line() -> None:
    comment = "/* " + "word\n" * 100 + "*/"

    html = colour("c", "int a;\n" * 100 + "\n" + comment)

    assert '<span class="kt">int</span>' in html
    assert '<span class="n">word</span>' not in html


@pytest.mark.parametrize(
    "long", ["x = 1; " * 50, "x < y & " * 50, "<b>" * 150, " " * 400, "\t\n" * 60]
)
def test_long_lines_and_blanks_stay_plain(long: str) -> None:
    html = colour("python", f"a = 1\n{long}\nb = 2")

    assert html.count('<span class="mi">') == 2
    assert text_of(html) == f"a = 1\n{long}\nb = 2\n\n"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("bash", "$'" + r"\\" * 99),
        ("bash", "$'" + r"\0000" * 4),
        ("console", "$ $'" + r"\\" * 99),
        ("docker", "RUN $'" + r"\\" * 99),
        ("make", "a:\n\t$'" + r"\\" * 99),
        ("c", "a " + "//\\\n" * 99),
        ("c", "a /" + "\\\n**\\\n///" * 99),
        ("cpp", "a " + "//\\\n\n" * 99),
        ("objc", "a " + "//\\\n" * 99),
        ("fortran", '"' + r"\77" * 99),
        ("fortran", "'" + r"\77" * 99),
        ("perl", "s!" + r"\\" * 99),
        ("scala", '"' + r"\\" * 99),
        ("scala", '"' + r"\\" * 6 + "a\n" * 99),
        ("rst", ":" + r"\\" * 99),
        ("common-lisp", "*" + "." * 99),
        ("emacs-lisp", "`" + "." * 99),
        ("emacs-lisp", "*" + r"........\ " * 9),
        ("php", "<?php <<<a" + "é" * 99),
        ("html+php", "<?php <<<a" + "é" * 99),
        ("pycon", '>>> a\n  File "a", line 0 x'),
    ],
)
def test_code_with_which_a_lexer_does_not_end_stays_plain(language: str, code: str) -> None:
    assert "<span" not in colour(language, code)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("bash", r"x=$'\e[1m\033[0m\n' y=$'\t\n\a' z=$'\\'"),
        ("c", "#define F(a) \\\n  do { \\\n    g(a); \\\n    h(a); \\\n  } while (0)\n// i\n" * 9),
        ("common-lisp", ";; a... b... c... d...\n(defvar *a.b* 1.5) ; e..."),
        ("emacs-lisp", '(re-search-forward "\\\\(a\\\\|b\\\\)...\\\\*\\\\.[a-z]+")'),
        ("fortran", r"print *, 'C:\a\b\n', \"\0\""),
        ("perl", r"s!\\!/!g; s!^\s*(\S+)\s*=\s*(.*)!!; m/\w/"),
        ("php", "<?php $a = <<<b\né\nb;\n"),
        ("pycon", '>>> a\nFile "b"'),
        ("rst", ":C\\D: a\\\\b\\\\c\\\\d\\\\e\n:x: y"),
        ("scala", r'val r = "\\d+\\.\\d+\\s*\\w+\\\\C:\\a\\b\\c".r'),
    ],
)
def test_code_that_resembles_it_has_colours(language: str, code: str) -> None:
    assert "<span" in colour(language, code)


def test_code_that_a_lexer_repeats_stays_plain() -> None:
    assert colour("hcl", "a = <<b\n" * 3) == plain("hcl", "a = &lt;&lt;b\n" * 3)


def test_each_trap_is_of_a_language() -> None:
    assert set(LANGUAGES) >= TRAPS.keys()


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("markdown", "# a\n~~~ahk\n{}\n~~~"),
        ("rst", ".. code:: ahk\n\n    {}\n"),
        ("http", "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{}\n"),
        ("postgres", "DO LANGUAGE ahk $a${}$a$"),
    ],
)
def test_code_in_code_has_no_colours_of_its_own(language: str, code: str) -> None:
    html = colour(language, code.format("If"))

    assert "<span" in html
    assert '<span class="k">If</span>' not in html


def test_each_language_is_listed_once() -> None:
    found = [find_language(name) for name in LANGUAGES]

    assert len(set(found)) == len(LANGUAGES)


@pytest.mark.parametrize("code", ["a<br>b <i>c</i>", "<i>a = 1</i>"])
def test_elements_in_code_stay(code: str) -> None:
    body = f'<pre><code class="language-python">{code}</code></pre>'

    assert render(body, "markdown", POST_ID).strip() == body
