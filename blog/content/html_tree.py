"""What a post needs of its HTML: ids of its own, links and images as pages have them, and embeds.

The HTML that comes out is as unsafe as what goes in: `sanitizer` has the last word.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from blog.content.highlighting import highlight_all

# The hosts whose pages a post may embed.
_EMBED_HOSTS = (
    "codepen.io open.spotify.com player.vimeo.com w.soundcloud.com www.youtube-nocookie.com "
    "www.youtube.com"
)
EMBED_HOSTS = frozenset(_EMBED_HOSTS.split())
_EMBED = {
    "loading": "lazy",
    "sandbox": "allow-scripts allow-same-origin allow-popups",
    "referrerpolicy": "strict-origin-when-cross-origin",
}
_POST_LINK = re.compile(r"((?:[^?#]*/)?post/[0-9a-f]{24}([0-9a-f]{8}))#(.+)", re.DOTALL)
# An id of the author's choice, at the end of a heading.
_OWN_ID = re.compile(r"\{#([\w:.-]+)\}\s*$")
_KEPT_RELATIONS = ("nofollow", "ugc", "sponsored", "me")


def adapt(html: str, post_id: str, *, is_markdown: bool) -> str:
    """Adapt the HTML of a body, so that it can stand in a page with others.

    Each id, and each link to one, gets a prefix that no other post has. An embedded page of an
    unknown host becomes a link. Headings, code and math of Markdown get what GitHub gives them.
    """
    body = LexborHTMLParser(f"<body>{html}").body
    if body is None:
        return ""
    if is_markdown:
        _finish_markdown(body)
    _prefix_ids(body, _prefix(post_id))
    for link in body.css("a[href], area[href]"):
        _adapt_link(link, _prefix(post_id))
    _adapt_images(body)
    for frame in body.css("iframe"):
        _adapt_embed(frame)
    for control in body.css("input"):
        _adapt_control(control)
    return str(body.inner_html or "")


def _prefix(post_id: str) -> str:
    return f"p{post_id[-8:]}-"


def _finish_markdown(body: LexborNode) -> None:
    for anchor in body.css("a.anchor[data-heading-content]"):
        _name_heading(anchor)
    for math in body.css("[data-math-style]"):
        _mark_math(math)
    highlight_all(body.css("pre > code[class]"))


def _name_heading(anchor: LexborNode) -> None:
    """Remove the link that comrak adds to a heading, and give the heading the id of its author."""
    heading, text = anchor.parent, anchor.prev
    anchor.decompose()
    if heading is None or text is None or not text.is_text_node:
        return
    content = text.text_content or ""
    if own := _OWN_ID.search(content):
        heading.attrs["id"] = own[1]
        text.replace_with(content[: own.start()].rstrip())


def _mark_math(math: LexborNode) -> None:
    if math.tag == "code":
        math.attrs["class"] = "language-math"
        return
    code = math.parser.create_node("code")
    code.attrs["class"] = "language-math"
    code.insert_child(math.text())
    math.replace_with(code)


def _prefix_ids(body: LexborNode, prefix: str) -> None:
    for element in body.css("[id]"):
        element.attrs["id"] = prefix + _fragment(element.attributes.get("id") or "")
    for target in body.css("a[name]:not([id])"):
        target.attrs["id"] = prefix + _fragment(target.attributes.get("name") or "")
    for element in body.css("[aria-labelledby], [aria-describedby], [aria-controls], [headers]"):
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "headers"):
            if value := element.attributes.get(name):
                element.attrs[name] = " ".join(prefix + each for each in value.split())


def _fragment(text: str) -> str:
    """An id without blanks, which no link can name."""
    return "-".join(text.split())


def _adapt_link(link: LexborNode, prefix: str) -> None:
    # The selector finds `xlink:href` too, which is none of HTML.
    if "href" not in link.attributes:
        return
    address = (link.attributes["href"] or "").strip()
    if address.startswith("#"):
        address = _within(address, prefix)
    elif other := _POST_LINK.fullmatch(address):
        address = f"{other[1]}#p{other[2]}-{other[3].removeprefix(f'p{other[2]}-')}"
    link.attrs["href"] = address
    relations = _relations(link, address)
    if relations:
        link.attrs["rel"] = relations
    elif "rel" in link.attributes:
        del link.attrs["rel"]


def _within(address: str, prefix: str) -> str:
    """The address of an id in the post; ``#`` and ``#top`` are the beginning of any page."""
    if address in ("#", "#top"):
        return address
    return f"#{prefix}{address[1:].removeprefix(prefix)}"


def _relations(link: LexborNode, address: str) -> str:
    given = (link.attributes.get("rel") or "").lower().split()
    kept = [relation for relation in _KEPT_RELATIONS if relation in given]
    return " ".join([*(["noopener", "noreferrer"] if _split(address).netloc else []), *kept])


def _split(address: str) -> SplitResult:
    """The parts of an address; those of one that is invalid are empty."""
    try:
        # As in a browser, a backslash is a slash, and line breaks do not count.
        return urlsplit(address.replace("\\", "/"))
    except ValueError:
        return urlsplit("")


def _adapt_images(body: LexborNode) -> None:
    """Let a page load all images but the first when they come into view."""
    for image in body.css("img")[1:]:
        image.attrs["loading"] = "lazy"
        image.attrs["decoding"] = "async"


def _adapt_embed(frame: LexborNode) -> None:
    address = (frame.attributes.get("src") or "").strip()
    parts = _split("https:" + address if address.startswith("//") else address)
    if parts.scheme == "https" and parts.netloc.lower() in EMBED_HOSTS:
        # What stands in it is for browsers that know no such element.
        frame.inner_html = ""
        frame.attrs["src"] = parts.geturl()
        for name, value in _EMBED.items():
            frame.attrs[name] = value
    elif address:
        _link_instead(frame, address)
    else:
        frame.decompose()


def _link_instead(frame: LexborNode, address: str) -> None:
    link = frame.parser.create_node("a")
    link.attrs["href"] = address
    if relations := _relations(link, address):
        link.attrs["rel"] = relations
    link.insert_child(address)
    frame.replace_with(link)


def _adapt_control(control: LexborNode) -> None:
    """Leave of all controls the boxes of task lists, which can't be changed."""
    if (control.attributes.get("type") or "").lower() == "checkbox":
        control.attrs["disabled"] = ""
    else:
        control.decompose()
