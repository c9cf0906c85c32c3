"""Markdown, as GitHub renders it, and what it loses where there is too much of it."""

from __future__ import annotations

import pytest

from tests.content.tags import POST_ID, page, tags_of


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", ""),
        ("# Hi\n\nA *b* **c** `d`", '<h1 id="p89abcdef-hi">Hi</h1>\n<p>A <em>b</em> '
         "<strong>c</strong> <code>d</code></p>\n"),
        ("# Hi {#own}", '<h1 id="p89abcdef-own">Hi</h1>\n'),
        ("# Hi {#own} you", '<h1 id="p89abcdef-hi-own-you">Hi {#own} you</h1>\n'),
        ("# `hi`", '<h1 id="p89abcdef-hi"><code>hi</code></h1>\n'),
        ("[x](http://[)", '<p><a rel="noopener noreferrer">x</a></p>\n'),
        ("~~gone~~ ~gone~", "<p><del>gone</del> <del>gone</del></p>\n"),
        ("==seen== x^2^", "<p><mark>seen</mark> x<sup>2</sup></p>\n"),
        ("1 < 2 & \"3\"", "<p>1 &lt; 2 &amp; \"3\"</p>\n"),
        ("|a|b|\n|-|-:|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n"
         '<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n'
         '<td align="right">2</td>\n</tr>\n</tbody>\n</table>\n'),
        ("```python\nif a < b:\n```", '<pre><code class="language-python">'
         '<span class="k">if</span> <span class="n">a</span> <span class="o">&lt;</span> '
         '<span class="n">b</span><span class="p">:</span>\n</code></pre>\n'),
        ("```unheard-of\na < b\n```",
         '<pre><code class="language-unheard-of">a &lt; b\n</code></pre>\n'),
        ("```\nplain\n```", "<pre><code>plain\n</code></pre>\n"),
        ("[x](/y \"t\")", '<p><a href="https://blog.example/y" title="t">x</a></p>\n'),
        ("<https://example.org>", '<p><a href="https://example.org" rel="noopener noreferrer">'
         "https://example.org</a></p>\n"),
        ("https://example.org", '<p><a href="https://example.org" rel="noopener noreferrer">'
         "https://example.org</a></p>\n"),
        ("![x](y.png)", '<p><img src="https://blog.example/y.png" alt="x"></p>\n'),
        ("A <kbd>key</kbd>", "<p>A <kbd>key</kbd></p>\n"),
        ("A Vec<T>", "<p>A Vec&lt;T&gt;</p>\n"),
        ("a  \nb", "<p>a<br>\nb</p>\n"),
        ("- [x] a", '<ul>\n<li><input type="checkbox" checked="" disabled=""> a</li>\n</ul>\n'),
        ("a\n\n: b", "<dl>\n<dt>a</dt>\n<dd>\n<p>b</p>\n</dd>\n</dl>\n"),
        ("> [!NOTE]\n> x", '<div class="markdown-alert markdown-alert-note">\n'
         '<p class="markdown-alert-title">Note</p>\n<p>x</p>\n</div>\n'),
        ("$x$ $`y`$", '<p><code class="language-math">x</code> '
         '<code class="language-math">y</code></p>\n'),
        ("A^[note]", "<p>A^[note]</p>\n"),
    ],
)  # fmt: skip
def test_markdown_is_rendered(markdown: str, html: str) -> None:
    assert page(markdown, "markdown", POST_ID) == html


def test_a_footnote_and_its_reference_link_to_each_other() -> None:
    tags = tags_of(page("Text[^1]\n\n[^1]: A note.", "markdown", POST_ID))

    attributes = [(tag, a.get("id"), a.get("href")) for tag, a in tags if tag in ("a", "li")]
    assert attributes == [
        ("a", "p89abcdef-fnref-1", "#p89abcdef-fn-1"),
        ("li", "p89abcdef-fn-1", None),
        ("a", None, "#p89abcdef-fnref-1"),
    ]


@pytest.mark.parametrize(
    ("markdown", "lost", "kept"),
    [
        ("# a\n" * 1001, "id=", "<h1>a</h1>"),
        ("a\n=\n" * 1001, "id=", "<h1>a</h1>"),
        ("www.a.b\n\n" + "@" * 1000 + "x" * 400_000, "<a", "<p>www.a.b</p>"),
        ("b\n\n: a\n\n" * 3001, "<dl>", "<p>: a</p>"),
        ("x^2^ " * 25_001, "<sup>", "x^2^"),
        ("$`a`$ " * 1001, ">a</code>", ">`a`</code>"),
        ("|a" * 1000 + "|\n" + "|-" * 1000 + "|\n" + "|x\n" * 500, "<table>", "|x"),
        ("> |a" * 1 + "|a" * 999 + "|\r> " + "|-" * 1000 + "|\r" + "> |x\r" * 500, "<table>", "|x"),
    ],
    ids=["headings", "lines", "addresses", "terms", "superscripts", "formulas",
         "cells", "cells in a quote"],
)  # fmt: skip
def test_an_extension_of_which_there_is_too_much_is_left_out(
    markdown: str, lost: str, kept: str
) -> None:
    html = page(markdown, "markdown", POST_ID)

    assert lost not in html
    assert kept in html
