"""What Markdown becomes, as GitHub renders it, and what it loses where there is too much of it."""

from __future__ import annotations

import pytest
from nh3 import ALLOWED_TAGS

from tests.content.tags import PREFIX, of_markdown, tags_of


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("A *b* **c** `d`",
         "<p>A <em>b</em> <strong>c</strong> <code>d</code></p>\n"),
        ("~~gone~~ ~gone~", "<p><del>gone</del> <del>gone</del></p>\n"),
        ("==seen== x^2^", "<p><mark>seen</mark> x<sup>2</sup></p>\n"),
        ("1 < 2 & \"3\"", "<p>1 &lt; 2 &amp; \"3\"</p>\n"),
        ("|a|b|\n|-|-:|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n"
         '<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n'
         '<td align="right">2</td>\n</tr>\n</tbody>\n</table>\n'),
        ("[x](/y \"t\")", '<p><a href="https://blog.example/y" title="t">x</a></p>\n'),
        ("[x](http://[)", '<p><a rel="noopener noreferrer">x</a></p>\n'),
        ("<https://example.org>", '<p><a href="https://example.org" rel="noopener noreferrer">'
         "https://example.org</a></p>\n"),
        ("![x](y.png)", '<p><img src="https://blog.example/y.png" alt="x"></p>\n'),
        ("A <kbd>key</kbd>", "<p>A <kbd>key</kbd></p>\n"),
        ("a <!-- b --> c", "<p>a  c</p>\n"),
        ("a  \nb", "<p>a<br>\nb</p>\n"),
        ("- [x] a\n- [ ] b", '<ul>\n<li><input type="checkbox" checked="" disabled=""> a</li>\n'
         '<li><input type="checkbox" disabled=""> b</li>\n</ul>\n'),
        ("a\n\n: b", "<dl>\n<dt>a</dt>\n<dd>\n<p>b</p>\n</dd>\n</dl>\n"),
        ("> [!NOTE]\n> x", '<div class="markdown-alert markdown-alert-note">\n'
         '<p class="markdown-alert-title">Note</p>\n<p>x</p>\n</div>\n'),
        ("$a_b$", '<p><code class="language-math">a_b</code></p>\n'),
        ("$x$ $`y`$", '<p><code class="language-math">x</code> '
         '<code class="language-math">y</code></p>\n'),
        ("$$a$$", '<p><code class="language-math is-display">a</code></p>\n'),
        ("```\nplain\n```", "<pre><code>plain\n</code></pre>\n"),
        ("#", f'<h1 id="{PREFIX}"></h1>\n'),
        ("A^[note]", "<p>A^[note]</p>\n"),
    ],
)  # fmt: skip
def test_markdown_is_rendered(markdown: str, html: str) -> None:
    assert of_markdown(markdown) == html


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Hello, World!", "hello-world"),
        ("`code` & *more*", "code--more"),
        ("`code`", "code"),
        ("Überschrift 1.2", "überschrift-12"),
        ("日本語", "日本語"),
        ("snake_case-kept", "snake_case-kept"),
        ("Hi {#own} you", "hi-own-you"),
    ],
)
def test_a_heading_has_the_id_that_github_gives_it(heading: str, expected: str) -> None:
    assert of_markdown(f"# {heading}").startswith(f'<h1 id="{PREFIX}{expected}">')


def test_equal_headings_have_different_ids() -> None:
    html = of_markdown("# A\n\n# A\n\n# A")

    assert [f'id="{PREFIX}a{suffix}"' in html for suffix in ("", "-1", "-2")] == [True] * 3


@pytest.mark.parametrize("text", ["## A {#own}", "## A {#own} ##", "A {#own}\n---"])
def test_an_author_may_choose_the_id_of_a_heading(text: str) -> None:
    assert of_markdown(text) == f'<h2 id="{PREFIX}own">A</h2>\n'


@pytest.mark.parametrize("level", range(1, 7))
def test_a_heading_has_no_link_of_its_own(level: int) -> None:
    assert "<a" not in of_markdown(f"{'#' * level} A *b*\n\n{'#' * level} `c` {{#d}}")


def test_a_note_keeps_its_id_before_a_heading() -> None:
    html = of_markdown("# fn 1\n\nx[^1]\n\n[^1]: note")

    assert f'<h1 id="{PREFIX}fn-1-1">' in html
    assert f'<li id="{PREFIX}fn-1">' in html


def test_a_footnote_and_its_references_link_to_each_other() -> None:
    html = of_markdown("Text[^x] more[^x]\n\n[^x]: A note.")

    tags = [(tag, a.get("id"), a.get("href")) for tag, a in tags_of(html) if tag in ("a", "li")]
    assert tags == [
        ("a", f"{PREFIX}fnref-x", f"#{PREFIX}fn-x"),
        ("a", f"{PREFIX}fnref-x-2", f"#{PREFIX}fn-x"),
        ("li", f"{PREFIX}fn-x", None),
        ("a", None, f"#{PREFIX}fnref-x"),
        ("a", None, f"#{PREFIX}fnref-x-2"),
    ]
    assert html.count(">1</a>") == 2
    assert '<section class="footnotes">' in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.com", "http://www.example.com"),
        ("https://example.com", "https://example.com"),
        ("See https://example.com/a_b.", "https://example.com/a_b"),
        ("a@example.com", "mailto:a@example.com"),
    ],
)
def test_an_address_in_the_text_is_a_link(text: str, expected: str) -> None:
    assert f'<a href="{expected}"' in of_markdown(text)


@pytest.mark.parametrize(
    "text", ["2^10 and 2^20", "a^2^ and 2^10", "a ^ b 2^10^", "`a^b` 2^10^", "a[^b] 2^10^"]
)
def test_a_caret_that_marks_no_superscript_stays(text: str) -> None:
    assert of_markdown(text).count("^") == text.count("^")


def test_superscripts_and_notes_stand_together() -> None:
    html = of_markdown("a^2^ b[^1] c^3^\n\n[^1]: Note.")

    assert html.count("<sup>") == 2
    assert html.count('<sup class="footnote-ref">') == 1


@pytest.mark.parametrize(
    "text",
    [
        *('"$ref" and "$id"', "set $HOME:$PATH", "$x$_a", "a $n$th time"),
        *("It costs $5, or $6.", "a==1 or b==2", "$$x$$y and a$$b$$c", "$`x`$y"),
        *('"a"==x or y=="b"', "(a)==b or (c)==(d)", "{a}==[b] or [c]=={d}"),
    ],
)
def test_signs_within_words_are_no_markup(text: str) -> None:
    assert of_markdown(text) == f"<p>{text}</p>\n"


def test_a_formula_may_stand_before_an_element() -> None:
    assert of_markdown("$x$*a*") == '<p><code class="language-math">x</code><em>a</em></p>\n'


def test_no_caret_is_part_of_two_superscripts() -> None:
    assert "<sup>" not in of_markdown(r"\^a^b c^d^")


def test_the_text_of_formulas_in_elements_stays() -> None:
    formula = "<math><mi>x</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"

    assert of_markdown(f"So {formula}.") == "<p>So x=12.</p>\n"


@pytest.mark.parametrize(
    "info", ["rust,no_run", "rust, ignore", "rust no_run", "rust{1,3}", "{.rust}", "{rust}"]
)
def test_only_the_language_of_code_is_kept(info: str) -> None:
    assert '<code class="language-rust">' in of_markdown(f"```{info}\nx\n```")


@pytest.mark.parametrize("name", ["script", "style", "title", "textarea", "iframe", "plaintext"])
def test_a_tag_that_is_mentioned_hides_nothing(name: str) -> None:
    html = of_markdown(f"Use the <{name}> tag.\n\nMore *text*.")

    assert html == (f"<p>Use the &lt;{name}&gt; tag.</p>\n<p>More <em>text</em>.</p>\n")


def test_a_tag_that_is_no_element_is_text() -> None:
    html = of_markdown("Vec<T> and Option<String>")

    assert html == "<p>Vec&lt;T&gt; and Option&lt;String&gt;</p>\n"


# Those that a sanitizer removes or that this one adds, beside those that it keeps anyway.
_OTHER_ELEMENTS = (
    "address applet audio big blink button canvas datalist dialog dir embed fieldset figcaption "
    "figure font form input label legend main mark marquee menu meter nobr object optgroup option "
    "output param picture progress rb search section select slot source tfoot time track video"
)


@pytest.mark.parametrize("name", sorted(ALLOWED_TAGS | {*_OTHER_ELEMENTS.split()}))
def test_an_element_is_no_text(name: str) -> None:
    html = of_markdown(f"a <{name}> b <{name.upper()}/> c")

    assert "&lt;" not in html


@pytest.mark.parametrize(
    "frame",
    [
        '<iframe src="https://www.youtube.com/x">a video</iframe>',
        '<iframe title="a > b" src="https://www.youtube.com/x"></iframe>',
        "<iframe title='a > b' src='https://www.youtube.com/x'\n></iframe>",
        '<IFRAME SRC = "https://www.youtube.com/x"></IFRAME>',
    ],
)
def test_embeds_in_markdown_are_embeds(frame: str) -> None:
    assert ' src="https://www.youtube.com/x" loading="lazy"' in of_markdown(frame)


@pytest.mark.parametrize("tag", ["<iframe>", '<iframe data-src="x">', "<iframe"])
def test_a_frame_without_an_address_is_text_in_markdown(tag: str) -> None:
    assert "&lt;iframe" in of_markdown(f"An {tag} and </iframe>.")


@pytest.mark.parametrize(
    ("markdown", "lost", "kept"),
    [
        ("# a\n" * 1001, "id=", "<h1>a</h1>"),
        ("a\n=\n" * 1001, "id=", "<h1>a</h1>"),
        ("www.a.b\n\n" + "@" * 1000 + "x" * 400_000, "<a", "<p>www.a.b</p>"),
        ("b\n\n: a\n\n" * 3001, "<dl>", "<p>: a</p>"),
        ("x^2^ " * 25_001, "<sup>", "x^2^"),
        ("$`a`$ " * 1001, ">a</code>", ">`a`</code>"),
        ("$a$ " * 25_001, "<code", "$a$"),
        ("|a" * 1000 + "|\n" + "|-" * 1000 + "|\n" + "|x\n" * 500, "<table>", "|x"),
        ("> |a" * 1 + "|a" * 999 + "|\r> " + "|-" * 1000 + "|\r" + "> |x\r" * 500, "<table>", "|x"),
    ],
    ids=["headings", "lines", "addresses", "terms", "superscripts", "formulas",
         "dollars", "cells", "cells in a quote"],
)  # fmt: skip
def test_an_extension_of_which_there_is_too_much_is_left_out(
    markdown: str, lost: str, kept: str
) -> None:
    html = of_markdown(markdown)

    assert lost not in html
    assert kept in html


@pytest.mark.parametrize(
    ("markdown", "kept"),
    [
        ("# a\n" * 1000, "id="),
        ("www.a.b\n\n" + "@" * 1000 + "x" * 398_991, "<a"),
        ("b\n\n: a\n\n" * 3000, "<dl>"),
        ("x^2^ " * 25_000, "<sup>"),
        ("$`a`$ " * 1000, ">a</code>"),
        ("$a$ " * 25_000, ">a</code>"),
        ("|a|\n|-|\n" + "\n" * 498 + "x" + "|" * 996, "<table>"),
    ],
    ids=["headings", "addresses", "terms", "superscripts", "formulas", "dollars", "cells"],
)
def test_an_extension_may_be_used_as_often_as_it_is_bounded(markdown: str, kept: str) -> None:
    assert kept in of_markdown(markdown)


@pytest.mark.parametrize("table", ["", "|a|\n|-|\n\n"])
def test_signs_in_the_text_are_no_cells(table: str) -> None:
    html = of_markdown(table + "a|b\n" * 1000)

    assert html.count("<table>") == bool(table)
    assert html.count("a|b") == 1000
