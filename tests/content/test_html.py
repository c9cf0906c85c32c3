"""What format html keeps of the HTML that an author wrote, and what it loses."""

from __future__ import annotations

import pytest

from tests.content.tags import of_html, tags_of


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>plain</p>", "<p>plain</p>"),
        ("*not* markdown", "*not* markdown"),
        ("<b>unclosed", "<b>unclosed</b>"),
        ('<p lang="he" dir="rtl" title="t">x</p>', '<p lang="he" dir="rtl" title="t">x</p>'),
        ('<img srcset="/a 1x, https://example.org/b 2x, data:c 3x, /d 4y, /e \u0663x">',
         '<img srcset="https://blog.example/a 1x, https://example.org/b 2x">'),
        ('<img srcset="data:c 2x">', "<img>"),
        ('<img srcset="/a,b 1x,/c 2x">',
         '<img srcset="https://blog.example/a,b 1x, https://blog.example/c 2x">'),
        ('<q cite="/a">x</q>', "<q>x</q>"),
        ('<video poster="ftp://example.org/a" src="magnet:b"></video>', "<video></video>"),
        ("before<!-- comment -->after", "beforeafter"),
        ("a <math><mi>x</mi><mo>=</mo><mn>2</mn></math> b", "a x=2 b"),
        ("<math>a<math>b</math></math>", "ab"),
        ('<noscript><img src="https://a.example/b.png"></noscript>',
         '<img src="https://a.example/b.png">'),
    ],
)  # fmt: skip
def test_html_keeps_what_is_harmless(html: str, expected: str) -> None:
    assert of_html(html) == expected


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("nav language-c k y", ' class="language-c k"'),
        ("wp-block-quote aligncenter", ' class="wp-block-quote aligncenter"'),
        ("kg-card is-style-x has-y", ' class="kg-card is-style-x has-y"'),
        ("markdown-alert-note footnotes anchor", ' class="markdown-alert-note footnotes anchor"'),
        ("nav y my-language-c language-é anchors", ""),
    ],
)
def test_classes_that_programs_write_are_kept(classes: str, expected: str) -> None:
    assert of_html(f'<p class="{classes}">x</p>') == f"<p{expected}>x</p>"


@pytest.mark.parametrize(
    "address",
    [
        *("http://a", "https://a", "ftp://a", "irc://a/b", "ircs://a/b", "mailto:a@example.org"),
        *("magnet:?xt=1", "sms:1", "tel:+49", "xmpp:a@b.example"),
    ],
)
def test_a_link_may_lead_to_another_program(address: str) -> None:
    assert f'<a href="{address}"' in of_html(f'<a href="{address}">x</a>')


@pytest.mark.parametrize("address", ["gopher://a", "news:a", "x:y"])
def test_a_link_of_another_scheme_leads_nowhere(address: str) -> None:
    assert "href" not in of_html(f'<a href="{address}">x</a>')


@pytest.mark.parametrize("tag", ["audio", "source", "track", "video"])
@pytest.mark.parametrize("address", ["ftp://a/b", "magnet:b"])
def test_media_are_loaded_from_the_web_only(tag: str, address: str) -> None:
    assert address not in of_html(f'<{tag} src="{address}">')


# What the elements that are kept may have.
KEPT = [
    *('<abbr title="x">x</abbr>', '<details open="">x</details>', '<h2 align="left">x</h2>'),
    '<a href="https://example.org" hreflang="de" rel="noopener noreferrer">x</a>',
    '<audio controls="" loop="" muted="" preload="none" src="http://a/b" title="a:b">x</audio>',
    '<figure align="left"><figcaption>x</figcaption></figure>',
    '<iframe src="https://codepen.io/" loading="lazy" '
    'sandbox="allow-scripts allow-same-origin allow-popups" '
    'referrerpolicy="strict-origin-when-cross-origin" width="1" height="1" '
    'allowfullscreen=""></iframe>',
    '<img align="left" alt="x" decoding="async" height="1" loading="eager" sizes="1px" '
    'src="https://a/b" srcset="https://a/c 2x" width="1">',
    '<input type="checkbox" checked="" disabled="">',
    '<mark role="note" aria-label="x">x</mark>',
    '<ol start="2" type="a" reversed=""><li value="3">x</li></ol>',
    '<picture><source height="1" media="print" sizes="1px" src="https://a/b" '
    'srcset="https://a/c 2x" type="image/webp" width="1"><img></picture>',
    '<section>x</section>',
    '<table align="left"><caption align="left">x</caption><colgroup align="left">'
    '<col align="left"></colgroup><thead align="left"><tr align="left"><th align="left">x</th>'
    '</tr></thead><tbody align="left"><tr><td align="left" colspan="2">x</td></tr></tbody></table>',
    '<time datetime="2026-01-01">x</time>',
    '<ul type="square"></ul>',
    '<video controls="" height="1" loop="" muted="" playsinline="" poster="https://a/p" '
    'preload="none" src="https://a/b" width="1"><track default="" kind="captions" label="x" '
    'src="https://a/t" srclang="de"></video>',
    *(f'<{tag} align="left">x</{tag}>' for tag in ("div", "h1", "h3", "h4", "h5", "h6", "p")),
]  # fmt: skip


@pytest.mark.parametrize("html", KEPT, ids=[html[1:].partition(" ")[0] for html in KEPT])
def test_an_element_keeps_its_attributes(html: str) -> None:
    assert tags_of(of_html(html)) == tags_of(html)


@pytest.mark.parametrize(
    "control", ["<input>", '<input type="text" value="x">', "<button>x</button>", "<select>"]
)
def test_a_control_of_a_form_is_no_control(control: str) -> None:
    assert tags_of(of_html(control)) == []


def test_the_box_of_a_task_can_not_be_changed() -> None:
    box = '<input type="checkbox" disabled="">'

    assert of_html('<input type="CheckBox">').lower() == box
