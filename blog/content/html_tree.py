"""What a post needs of its HTML: ids of its own, links and images as pages have them, and embeds.

The HTML that comes out is as unsafe as what goes in: `sanitizer` has the last word.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import cast

from selectolax.lexbor import LexborHTMLParser, LexborNode

from blog.content.addresses import MARKS, mark_relative, split, split_images
from blog.content.highlighting import has_only_text, highlight_all
from blog.content.sites import EMBED_ATTRIBUTES, Site

_POST_LINK = re.compile(rf"([^?#]*[/{MARKS}]post/[0-9a-f]{{24}}([0-9a-f]{{8}}))#(.+)", re.DOTALL)
# An id of the author's choice, at the end of a heading.
_OWN_ID = re.compile(r"\{#([\w:.-]+)\}\s*$")
_LANGUAGE = re.compile(r"language-\{?\.?([\w+#][\w+#.-]*)")
# The alignment in a `style`, which pages do not permit.
_ALIGNMENT = re.compile(r"(?:^|;)\s*text-align\s*:\s*(left|right|center|justify)\b", re.IGNORECASE)
# Attributes whose values are ids.
_NAMING_IDS = (
    "aria-activedescendant", "aria-controls", "aria-describedby", "aria-details",
    "aria-errormessage", "aria-flowto", "aria-labelledby", "aria-owns", "headers",
)  # fmt: skip
_WITH_IDS = ", ".join(f"[{name}]" for name in _NAMING_IDS)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_KEPT_RELATIONS = ("nofollow", "ugc", "sponsored", "me")


def adapt(html: str, post_id: str, site: Site, *, is_markdown: bool) -> str:
    """Adapt the HTML of a body, so that it can stand in a page with others.

    Each id, and each link to one, gets a prefix that no other post has. An embedded page of an
    unknown host becomes a link. Headings, code and math of Markdown get what GitHub gives them.
    """
    # Every document has a body.
    body = cast(LexborNode, LexborHTMLParser(f"<body>{html}").body)
    # A sanitizer takes for text what is in it, and a parser that runs no scripts does not.
    body.unwrap_tags(["noscript"])
    if is_markdown:
        _finish_markdown(body)
    _prefix_ids(body, _prefix(post_id), is_markdown=is_markdown)
    for link in body.css("a[href]"):
        _adapt_link(link, site, _prefix(post_id))
    _adapt_media(body)
    for styled in body.css("[style]:not([align])"):
        _keep_alignment(styled)
    for formula in body.css("math:not(math math)"):
        # A sanitizer removes it with all that is in it.
        formula.replace_with(formula.text())
    for frame in body.css("iframe"):
        _adapt_embed(frame, site)
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
    for code in body.css("pre > code[class]"):
        _name_language(code)
    highlight_all(body.css("pre > code[class]"))


def _name_language(code: LexborNode) -> None:
    """Keep the language alone of what stands before a block: ``rust,no_run``, ``{.python}``."""
    if named := _LANGUAGE.match(code.attributes.get("class") or ""):
        code.attrs["class"] = f"language-{named[1]}"


def _name_heading(anchor: LexborNode) -> None:
    """Remove the link that comrak adds to a heading, and give the heading the id of its author."""
    heading, text = anchor.parent, anchor.prev
    if heading is None or heading.tag not in _HEADINGS or anchor.first_child:
        return
    anchor.decompose()
    if text is None or not text.is_text_node:
        return
    content = text.text_content or ""
    if own := _OWN_ID.search(content):
        heading.attrs["id"] = own[1]
        text.replace_with(content[: own.start()].rstrip())


def _mark_math(math: LexborNode) -> None:
    """Let math be code in a language of that name; ``is-display`` is a formula by itself.

    What stands before a word is no formula: ``$HOME:$PATH``.
    """
    if not has_only_text(math):
        # Comrak writes no such element.
        return
    if _begins_word(math.next):
        math.replace_with(_as_written(math))
        return
    is_display = math.attributes.get("data-math-style") == "display"
    code = math if math.tag == "code" else math.parser.create_node("code")
    code.attrs["class"] = "language-math is-display" if is_display else "language-math"
    if code is not math:
        code.insert_child(math.text())
        math.replace_with(code)


def _as_written(math: LexborNode) -> str:
    if math.tag == "code":
        return f"$`{math.text()}`$"
    signs = "$$" if math.attributes.get("data-math-style") == "display" else "$"
    return f"{signs}{math.text()}{signs}"


def _begins_word(node: LexborNode | None) -> bool:
    text = node.text_content if node and node.is_text_node else None
    return bool(text and (text[0].isalnum() or text[0] == "_"))


def _prefix_ids(body: LexborNode, prefix: str, *, is_markdown: bool) -> None:
    for target in body.css("a[name]:not([id])"):
        target.attrs["id"] = target.attributes.get("name") or ""
    named = body.css("[id]")
    if is_markdown:
        # The ids of headings are made up, and yield to those of notes and to those of the author.
        named.sort(key=lambda element: element.tag in _HEADINGS)
    taken: Counter[str] = Counter()
    for element in named:
        element.attrs["id"] = _unique(_prefixed(element.attributes.get("id") or "", prefix), taken)
    for element in body.css(_WITH_IDS):
        _prefix_named_ids(element, prefix)


def _prefix_named_ids(element: LexborNode, prefix: str) -> None:
    attributes = element.attributes
    for name in _NAMING_IDS:
        if ids := attributes.get(name):
            element.attrs[name] = " ".join(_prefixed(each, prefix) for each in ids.split())


def _prefixed(name: str, prefix: str) -> str:
    """An id, or a link to one, with the prefix and without blanks."""
    return prefix + "-".join(name.replace("%20", " ").split()).removeprefix(prefix)


def _unique(name: str, taken: Counter[str]) -> str:
    """The id, with a number if it is taken, as GitHub does."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}-{taken[name]}"
    taken[free] = 0
    return free


def _adapt_link(link: LexborNode, site: Site, prefix: str) -> None:
    # The selector finds `xlink:href` too, which is none of HTML.
    if "href" not in link.attributes:
        return
    address = mark_relative((link.attributes.get("href") or "").strip())
    if address.startswith("#"):
        address = _within(address, prefix)
    elif site.may_own(address) and (other := _POST_LINK.fullmatch(address)):
        address = f"{other[1]}#{_prefixed(other[3], _prefix(other[2]))}"
    _lead_to(link, address, is_own=site.owns(address))


def _lead_to(link: LexborNode, address: str, *, is_own: bool) -> None:
    """Set the address of a link; another site learns nothing of the page that leads there."""
    link.attrs["href"] = address
    given = (link.attributes.get("rel") or "").lower().split()
    relations = [] if is_own or not _loads_page(address) else ["noopener", "noreferrer"]
    relations += [relation for relation in _KEPT_RELATIONS if relation in given]
    if relations:
        link.attrs["rel"] = " ".join(relations)
    elif "rel" in link.attributes:
        del link.attrs["rel"]


def _loads_page(address: str) -> bool:
    """Whether a browser follows a link by itself, and not with another program."""
    parts = split(address)
    return bool(parts.netloc) or parts.scheme in ("ftp", "http", "https")


def _within(address: str, prefix: str) -> str:
    """The address of an id in the post; ``#`` and ``#top`` are the beginning of any page."""
    if address in ("#", "#top"):
        return address
    return f"#{_prefixed(address[1:], prefix)}"


def _adapt_media(body: LexborNode) -> None:
    """Mark relative addresses; a page loads all images but the first as they come into view."""
    for name in ("src", "poster"):
        for element in body.css(f"[{name}]"):
            element.attrs[name] = mark_relative((element.attributes.get(name) or "").strip())
    for element in body.css("[srcset]"):
        element.attrs["srcset"] = _mark_images(element.attributes.get("srcset") or "")
    for image in body.css("img")[1:]:
        image.attrs["loading"] = "lazy"
        image.attrs["decoding"] = "async"


def _mark_images(srcset: str) -> str:
    """A list of images with each relative address marked."""
    images = split_images(srcset)
    return ", ".join(" ".join([mark_relative(address), *rest]) for address, *rest in images)


def _keep_alignment(styled: LexborNode) -> None:
    found = _ALIGNMENT.search(styled.attributes.get("style") or "")
    if found:
        styled.attrs["align"] = found[1].lower()


def _adapt_embed(frame: LexborNode, site: Site) -> None:
    # It was marked with those of images.
    address = frame.attributes.get("src") or ""
    if site.may_embed(address):
        # What stands in it is for browsers that know no such element.
        frame.inner_html = ""
        frame.attrs["src"] = split(address).geturl()
        # The sanitizer sets them too, but adds those that are missing in any order.
        for name, value in EMBED_ATTRIBUTES.items():
            frame.attrs[name] = value
    elif address:
        link = frame.parser.create_node("a")
        _lead_to(link, address, is_own=site.owns(address))
        link.insert_child(frame.attributes.get("title") or address)
        frame.replace_with(link)
    else:
        frame.decompose()


def _adapt_control(control: LexborNode) -> None:
    """Leave of all controls the boxes of task lists, which can't be changed."""
    if (control.attributes.get("type") or "").lower() == "checkbox":
        control.attrs["disabled"] = ""
    else:
        control.decompose()
