"""What a post gets of its HTML beyond what its author wrote: ids, relations, embeds, classes."""

from __future__ import annotations

import re

import pytest

from blog.content.posts import Format
from tests.renderings import render

ID = "0123456789abcdef0123456789abcdef"
PREFIX = "p89abcdef-"
OTHER = "fedcba9876543210fedcba9876543210"


def markdown(body: str) -> str:
    """The HTML of a Markdown text."""
    return render(body, "markdown", ID)


def html(body: str) -> str:
    """The HTML of an HTML text."""
    return render(body, "html", ID)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Hello, World!", "hello-world"),
        ("`code` & *more*", "code--more"),
        ("Überschrift 1.2", "überschrift-12"),
        ("日本語", "日本語"),
        ("snake_case-kept", "snake_case-kept"),
    ],
)
def test_a_heading_has_the_id_that_github_gives_it(heading: str, expected: str) -> None:
    assert markdown(f"# {heading}").startswith(f'<h1 id="{PREFIX}{expected}">')


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_equal_ids_become_different(format: Format) -> None:
    rendered = render("<p id=a></p><p id=a></p><p id=a-1></p><p id=a></p>", format, ID)

    assert re.findall('id="(.*?)"', rendered) == [
        f"{PREFIX}{name}" for name in ("a", "a-1", "a-1-1", "a-2")
    ]


def test_a_note_keeps_its_id_before_a_heading() -> None:
    rendered = markdown("# fn 1\n\nx[^1]\n\n[^1]: note")

    assert f'<h1 id="{PREFIX}fn-1-1">' in rendered
    assert f'<li id="{PREFIX}fn-1">' in rendered


def test_a_prefix_is_not_added_twice() -> None:
    once = html('<b id="x" aria-label="y">a</b><i aria-labelledby="x"></i><a href="#x">b</a>')

    assert html(once) == once
    assert once.count(PREFIX) == 3


def test_two_equal_headings_have_two_ids() -> None:
    rendered = markdown("# A\n\n# A\n\n# A")

    assert [f'id="{PREFIX}a{suffix}"' in rendered for suffix in ("", "-1", "-2")] == [True] * 3


@pytest.mark.parametrize("text", ["## A {#own}", "## A {#own} ##", "A {#own}\n---"])
def test_an_author_may_choose_the_id_of_a_heading(text: str) -> None:
    assert markdown(text) == f'<h2 id="{PREFIX}own">A</h2>\n'


def test_a_heading_has_no_link_of_its_own() -> None:
    assert "<a" not in markdown("# A *b*\n\n## `c` {#d}")


def test_a_link_to_a_heading_leads_there() -> None:
    rendered = markdown("[x](#two-words)\n\n# Two words")

    assert f'<a href="#{PREFIX}two-words">' in rendered
    assert f'<h1 id="{PREFIX}two-words">' in rendered


@pytest.mark.parametrize("address", ["#", "#top"])
def test_a_link_to_the_beginning_of_the_page_stays(address: str) -> None:
    assert html(f'<a href="{address}">x</a>') == f'<a href="{address}">x</a>'


@pytest.mark.parametrize("start", ["/", "", "https://example.org/blog/"])
def test_a_link_into_another_post_leads_to_the_id_there(start: str) -> None:
    assert f"post/{OTHER}#p76543210-two-words" in html(f'<a href="{start}post/{OTHER}#two-words">')


def test_a_name_is_an_id() -> None:
    assert html('<a name="x">y</a>') == f'<a id="{PREFIX}x">y</a>'


def test_a_body_that_was_rendered_gets_no_second_prefix_in_its_links() -> None:
    assert html(f'<a href="#{PREFIX}x">y</a>') == f'<a href="#{PREFIX}x">y</a>'


@pytest.mark.parametrize("name", ["aria-errormessage", "aria-labelledby", "aria-owns", "headers"])
def test_references_to_ids_are_those_of_the_post(name: str) -> None:
    rendered = html(f'<table><tr><td {name}="a b">x</td><th id="a">y</th></tr></table>')

    assert f'{name}="{PREFIX}a {PREFIX}b"' in rendered


@pytest.mark.parametrize(
    ("address", "relations"),
    [
        ("https://example.com/", 'rel="noopener noreferrer"'),
        ("//example.com/", 'rel="noopener noreferrer"'),
        ("/post", None),
        ("x", None),
        ("mailto:a@example.com", None),
    ],
)
def test_only_another_site_learns_nothing_of_the_page(address: str, relations: str | None) -> None:
    rendered = html(f'<a href="{address}">x</a>')

    assert (relations in rendered) if relations else ("rel=" not in rendered)


def test_relations_that_say_something_of_a_link_stay() -> None:
    rendered = html('<a href="https://example.com/" rel="ME nofollow author ugc sponsored">x</a>')

    assert 'rel="noopener noreferrer nofollow ugc sponsored me"' in rendered


@pytest.mark.parametrize(
    "scheme", ["irc://a/b", "xmpp:a@b.example", "magnet:?xt=1", "sms:1", "ftp://a/b", "tel:1"]
)
def test_a_link_may_lead_to_another_program(scheme: str) -> None:
    assert f'href="{scheme}"' in html(f'<a href="{scheme}">x</a>')


def test_all_images_but_the_first_are_loaded_when_they_come_into_view() -> None:
    first, *others = html('<img src="a"><img src="b"><img src="c">').split("<img")[1:]

    assert "loading" not in first
    assert all('loading="lazy" decoding="async"' in other for other in others)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/embed/x",
        "//player.vimeo.com/video/1",
        "https://open.spotify.com/embed/track/1",
        "https://w.soundcloud.com/player/?url=x",
        "https://codepen.io/a/embed/b",
    ],
)
@pytest.mark.parametrize("format", ["markdown", "html"])
def test_a_page_of_a_known_host_is_embedded_in_a_sandbox(address: str, format: Format) -> None:
    embed = f'<iframe src="{address}" width="560"></iframe>'

    rendered = render(embed, format, ID)

    absolute = address if address.startswith("https:") else f"https:{address}"
    assert f'src="{absolute}"' in rendered
    assert 'sandbox="allow-scripts allow-same-origin allow-popups"' in rendered
    assert 'loading="lazy"' in rendered
    assert 'referrerpolicy="strict-origin-when-cross-origin"' in rendered


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://www.youtube.com/embed/x",
        "https://www.youtube.com.evil.example/",
        "https://www.youtube.com@evil.example/",
        "https://evil.example\\@www.youtube.com/",
        "https://www.youtube.com:8443/",
        "/post",
    ],
)
@pytest.mark.parametrize("format", ["markdown", "html"])
def test_any_other_embedded_page_becomes_a_link(address: str, format: Format) -> None:
    rendered = render(f'<iframe src="{address}"></iframe>', format, ID)

    assert "<iframe" not in rendered
    assert "<a href=" in rendered


def test_an_author_can_not_widen_the_sandbox_of_an_embedded_page() -> None:
    rendered = html(
        '<iframe src="https://www.youtube.com/x" sandbox="allow-top-navigation" allow="camera">'
    )

    assert "allow-top-navigation" not in rendered
    assert "camera" not in rendered


@pytest.mark.parametrize("name", ["script", "style", "title", "textarea", "iframe", "plaintext"])
def test_a_tag_that_is_mentioned_hides_nothing(name: str) -> None:
    rendered = markdown(f"Use the <{name}> tag.\n\nMore *text*.")

    assert rendered == (f"<p>Use the &lt;{name}&gt; tag.</p>\n<p>More <em>text</em>.</p>\n")


def test_a_tag_that_is_no_element_is_text() -> None:
    assert markdown("Vec<T> and Option<String>") == "<p>Vec&lt;T&gt; and Option&lt;String&gt;</p>\n"


def test_a_comment_is_not_shown() -> None:
    assert markdown("a <!-- b --> c") == "<p>a  c</p>\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.com", "http://www.example.com"),
        ("See https://example.com/a_b.", "https://example.com/a_b"),
        ("a@example.com", "mailto:a@example.com"),
    ],
)
def test_an_address_in_the_text_is_a_link(text: str, expected: str) -> None:
    assert f'<a href="{expected}"' in markdown(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~a~ ~~b~~", "<p><del>a</del> <del>b</del></p>\n"),
        ("==a== b^2^", "<p><mark>a</mark> b<sup>2</sup></p>\n"),
        ("$a_b$", '<p><code class="language-math">a_b</code></p>\n'),
        ("$$a$$", '<p><code class="language-math is-display">a</code></p>\n'),
        ("$`a`$", '<p><code class="language-math">a</code></p>\n'),
        ("It costs $5, or $6.", "<p>It costs $5, or $6.</p>\n"),
        ("a\n\n: b", "<dl>\n<dt>a</dt>\n<dd>\n<p>b</p>\n</dd>\n</dl>\n"),
        (
            "- [x] a\n- [ ] b",
            '<ul>\n<li><input type="checkbox" checked="" disabled=""> a</li>\n'
            '<li><input type="checkbox" disabled=""> b</li>\n</ul>\n',
        ),
        (
            "> [!NOTE]\n> a",
            '<div class="markdown-alert markdown-alert-note">\n'
            '<p class="markdown-alert-title">Note</p>\n<p>a</p>\n</div>\n',
        ),
    ],
)
def test_markdown_has_what_authors_expect(text: str, expected: str) -> None:
    assert markdown(text) == expected


@pytest.mark.parametrize(
    "text", ["2^10 and 2^20", "a[^b] c[^d]", "a ^ b ^ c", "a^2^ and 2^10", "`a^b` or `c^d`"]
)
def test_a_caret_that_marks_no_superscript_stays(text: str) -> None:
    assert markdown(text).count("^") == text.count("^")


def test_superscripts_and_notes_stand_together() -> None:
    rendered = markdown("a^2^ b[^1] c^3^\n\n[^1]: Note.")

    assert rendered.count("<sup>") == 2
    assert rendered.count('<sup class="footnote-ref">') == 1


@pytest.mark.parametrize(
    "control", ["<input>", '<input type="text" value="x">', "<button>x</button>"]
)
def test_a_control_of_a_form_is_no_control(control: str) -> None:
    assert not {"<input", "<button"} & set(html(control).split())


def test_notes_have_one_number_each_and_lead_back() -> None:
    rendered = markdown("a[^x] b[^x]\n\n[^x]: Note.")

    assert rendered.count(f'href="#{PREFIX}fn-x"') == 2
    assert rendered.count(">1</a>") == 2
    assert f'<section class="footnotes">\n<ol>\n<li id="{PREFIX}fn-x">' in rendered
    assert f'href="#{PREFIX}fnref-x-2"' in rendered


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
def test_an_empty_body_is_empty(format: Format) -> None:
    assert render("", format, ID) == ""


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("text-align:center", ' align="center"'),
        ("color: red; TEXT-ALIGN : Right", ' align="right"'),
        ("text-align: centered", ""),
        ("x-text-align: left", ""),
    ],
)
def test_an_alignment_in_a_style_becomes_an_attribute(style: str, expected: str) -> None:
    assert html(f'<p style="{style}">x</p>') == f"<p{expected}>x</p>"


def test_an_attribute_for_the_alignment_comes_before_a_style() -> None:
    assert html('<p align="left" style="text-align:right">x</p>') == '<p align="left">x</p>'


def test_the_text_of_mathml_stays() -> None:
    assert html("a <math><mi>x</mi><mo>=</mo><mn>2</mn></math> b") == "a x=2 b"


def test_what_is_shown_without_scripts_is_shown() -> None:
    assert html('<noscript><img src="https://a.example/b.png"></noscript>') == (
        '<img src="https://a.example/b.png">'
    )


@pytest.mark.parametrize("info", ["rust,no_run", "rust, ignore", "rust no_run"])
def test_only_the_language_of_code_is_kept(info: str) -> None:
    assert '<code class="language-rust">' in markdown(f"```{info}\nx\n```")


@pytest.mark.parametrize(
    "text", ['"$ref" and "$id"', "set $HOME:$PATH", "a $n$th time", "a==1 or b==2"]
)
def test_signs_within_words_are_no_markup(text: str) -> None:
    assert markdown(text) == f"<p>{text}</p>\n"


@pytest.mark.parametrize(
    "written",
    [
        '<a class="anchor" data-heading-content>words</a>',
        '<p class="x"><a class="anchor" data-heading-content></a>words</p>',
        '<span data-math-style="x">words <b>and</b> more</span>',
    ],
)
def test_attributes_of_the_parser_mean_nothing_where_an_author_writes_them(written: str) -> None:
    assert "words" in markdown(written)


def test_formulas_in_one_another_are_text() -> None:
    assert html("<math>a<math>b</math></math>") == "ab"


@pytest.mark.parametrize(
    "frame",
    [
        '<iframe src="https://www.youtube.com/x">a video</iframe>',
        '<iframe title="a > b" src="https://www.youtube.com/x"></iframe>',
        "<iframe title='a' src='https://www.youtube.com/x'\n></iframe>",
    ],
)
def test_embeds_in_markdown_are_embeds(frame: str) -> None:
    assert ' src="https://www.youtube.com/x" loading="lazy"' in markdown(frame)


@pytest.mark.parametrize("tag", ["<iframe>", '<iframe data-src="x">', "<iframe"])
def test_a_frame_without_an_address_is_text_in_markdown(tag: str) -> None:
    assert "&lt;iframe" in markdown(f"An {tag} and </iframe>.")
