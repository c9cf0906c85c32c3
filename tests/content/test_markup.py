"""From what an author wrote to HTML that is safe in any page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.markup import render
from blog.content.posts import Format
from blog.errors import Invalid

Tags = list[tuple[str, dict[str, str | None]]]

# Everything that runs code, loads a page, styles the page around it or takes part in a form.
DANGEROUS_TAGS = {
    "applet", "base", "body", "button", "embed", "form", "frame", "frameset", "head", "html",
    "iframe", "input", "link", "math", "meta", "noscript", "object", "script", "select", "style",
    "svg", "template", "textarea", "title", "xmp",
}  # fmt: skip

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="x"onerror="alert(1)">',
    "<img/src=x/onerror=alert(1)//",
    "<p onclick='alert(1)' onmouseover=alert(1)>x</p>",
    "<body onload=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1)></svg>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    '<math href="javascript:alert(1)">x</math>',
    "<math><mtext><table><mglyph><style><!--</style>"
    '<img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="java\nscript:alert(1)">x</a>',
    '<a href="java&#x09;script:alert(1)">x</a>',
    '<a href="&#106;avascript&colon;alert(1)">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    '<img src="javascript:alert(1)">',
    '<img srcset="javascript:alert(1) 2x">',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="javascript:alert(1)"><embed src="javascript:alert(1)"></object>',
    '<form action="javascript:alert(1)"><button formaction="javascript:alert(1)">x</button></form>',
    '<input autofocus onfocus="alert(1)">',
    '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
    '<base href="//evil.example/">',
    '<link rel="stylesheet" href="//evil.example/x.css">',
    "<style>body { display: none }</style>",
    '<p style="position: fixed; top: 0">x</p>',
    '<div class="admin-panel">x</div>',
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea>",
    "<title><script>alert(1)</script></title>",
    "<xmp><script>alert(1)</script></xmp>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "</p><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "![x](javascript:alert(1))",
    "![x\" onerror=\"alert(1)](x)",
    '[x](http://example.org "t\\" onclick=alert(1) y=\\"")',
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "```\"><script>alert(1)</script>\ncode\n```",
    "`<script>alert(1)</script>`",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
]  # fmt: skip


class _Reader(HTMLParser):
    """Notes every tag with its attributes, as a parser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Tags = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(html: str) -> Tags:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.tags


def dangers(html: str) -> Iterator[str]:
    """Whatever in the HTML could run, load, restyle or collide with the page around it."""
    for tag, attributes in tags_of(html):
        if tag in DANGEROUS_TAGS:
            yield tag
        for name, value in attributes.items():
            text = (value or "").lower()
            if name.startswith("on") or name in ("style", "srcdoc", "srcset", "formaction", "name"):
                yield name
            if name in ("href", "src") and text.startswith(("javascript:", "vbscript:", "data:")):
                yield text
            if name == "class" and not (tag == "code" and text.startswith("language-")):
                yield f"class {text}"
            if name == "id" and not text.startswith("post-"):
                yield f"id {text}"


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_does_not_survive(attack: str, format: Format) -> None:
    assert list(dangers(render(attack, format))) == []


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(ATTACKS) | st.text(max_size=9), max_size=4).map("".join),
    st.sampled_from(["markdown", "html", "text"]),
)
def test_no_mixture_of_attacks_survives(body: str, format: Format) -> None:
    assert list(dangers(render(body, format))) == []


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", ""),
        ("# Hi\n\nA *b* **c** `d`", "<h1>Hi</h1>\n<p>A <em>b</em> <strong>c</strong> "
         "<code>d</code></p>\n"),
        ("~~gone~~", "<p><s>gone</s></p>\n"),
        ("1 < 2 & \"3\"", "<p>1 &lt; 2 &amp; \"3\"</p>\n"),
        ("|a|b|\n|-|-|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n"
         "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"),
        ("```python\nif a < b:\n```", '<pre><code class="language-python">if a &lt; b:\n'
         "</code></pre>\n"),
        ("```\nplain\n```", "<pre><code>plain\n</code></pre>\n"),
        ("[x](/y \"t\")", '<p><a href="/y" title="t" rel="noopener noreferrer">x</a></p>\n'),
        ("<https://example.org>", '<p><a href="https://example.org" rel="noopener noreferrer">'
         "https://example.org</a></p>\n"),
        ("https://example.org", "<p>https://example.org</p>\n"),
        ("![x](y.png)", '<p><img src="y.png" alt="x"></p>\n'),
        ("A <kbd>key</kbd>", "<p>A <kbd>key</kbd></p>\n"),
        ("a  \nb", "<p>a<br>\nb</p>\n"),
    ],
)  # fmt: skip
def test_markdown_is_rendered(markdown: str, html: str) -> None:
    assert render(markdown, "markdown") == html


def test_a_footnote_and_its_reference_link_to_each_other() -> None:
    tags = tags_of(render("Text[^1]\n\n[^1]: A note.", "markdown"))

    attributes = [(tag, a.get("id"), a.get("href")) for tag, a in tags if tag in ("a", "li")]
    assert attributes == [
        ("a", "post-fnref1", "#post-fn1"),
        ("li", "post-fn1", None),
        ("a", None, "#post-fnref1"),
    ]


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_an_id_and_the_link_to_it_get_the_same_prefix(format: Format) -> None:
    html = render('<p id="top">x <a href="#top">up</a></p>', format)

    assert html == ('<p id="post-top">x <a href="#post-top" rel="noopener noreferrer">up</a></p>')


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>plain</p>", "<p>plain</p>"),
        ("*not* markdown", "*not* markdown"),
        ("<b>unclosed", "<b>unclosed</b>"),
        ('<p lang="he" dir="rtl" title="t">x</p>', '<p lang="he" dir="rtl" title="t">x</p>'),
        ('<code class="x language-c y">i</code>', '<code class="language-c">i</code>'),
        ('<code class="x y">i</code>', "<code>i</code>"),
        ('<p class="language-c">i</p>', "<p>i</p>"),
        ('<a href="mailto:a@example.org">x</a>',
         '<a href="mailto:a@example.org" rel="noopener noreferrer">x</a>'),
        ('<a href="tel:+49">x</a>', '<a href="tel:+49" rel="noopener noreferrer">x</a>'),
        ('<a href="ftp://example.org">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ("before<!-- comment -->after", "beforeafter"),
    ],
)  # fmt: skip
def test_html_keeps_what_is_harmless(html: str, expected: str) -> None:
    assert render(html, "html") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("one line", "<p>one line</p>\n"),
        ("a\nb\n\nc", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("a\r\nb\r\n\r\nc\r\n", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("\n\n\na\n\n\n\nb\n", "<p>a</p>\n<p>b</p>\n"),
        ("*a* <b>&amp;</b> \"'", "<p>*a* &lt;b&gt;&amp;amp;&lt;/b&gt; &quot;&#x27;</p>\n"),
    ],
)
def test_text_is_escaped_and_kept_in_paragraphs(text: str, expected: str) -> None:
    assert render(text, "text") == expected


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_an_address_that_is_not_checked_is_not_kept(format: Format) -> None:
    assert "javascript" not in render('<q cite="javascript:alert(1)">said</q>', format)


def test_the_columns_of_a_table_keep_their_alignment() -> None:
    assert 'style="text-align:right"' in render("|a|\n|-:|\n|b|", "markdown")


def test_no_other_style_is_kept() -> None:
    html = render('<table><tr><td style="position:fixed;text-align:left">x</td></table>', "html")

    assert 'style="text-align:left"' in html
    assert "position" not in html


@pytest.mark.long
@pytest.mark.parametrize(
    ("body", "format"),
    [
        ("<div>" * 5001, "html"),
        ("<B>" * 5001, "markdown"),
        ("<div></x>" * 5001, "html"),
        ("<div><!--</div>-->" * 5001, "html"),
        ("<div title='</div>'>" * 5001, "html"),
        ("<textarea><!--</textarea>" + "<div>" * 5001, "html"),
        ("<i><xmp></i></xmp>" * 5001, "html"),
        ("<svg>" + "<style>" * 5002, "html"),
        ("<svg>" + "<source>" * 5001, "html"),
        (f"[a]: http://example.org/{'u' * 20_000}\n\n" + "[a] " * 500, "markdown"),
        ("&" * 2_000_000, "markdown"),
    ],
)
def test_a_body_beyond_all_bounds_is_refused(body: str, format: Format) -> None:
    with pytest.raises(Invalid) as refusal:
        render(body, format)

    assert [fault.pointer for fault in refusal.value.faults] == ["#/body"]


def test_a_list_may_be_as_long_as_it_likes() -> None:
    assert render("<ul>" + "<li>x" * 6000 + "</ul>", "html").count("<li>") == 6000


def test_elements_next_to_each_other_are_not_nested() -> None:
    assert render("<DIV title='>'>x</div>" * 6000, "html").count("<div") == 6000


def test_a_footnote_within_the_text_is_text() -> None:
    assert render("A^[note]", "markdown") == "<p>A^[note]</p>\n"
