"""What no HTML of a post may have, by the elements and attributes that are in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from tests.content.tags import PREFIX, tags_of

Attributes = Mapping[str, str | None]

# Everything that runs code, loads a page, styles the page around it or takes part in a form.
DANGEROUS_TAGS = {
    "applet", "base", "body", "button", "embed", "form", "frame", "frameset", "head", "html",
    "link", "math", "meta", "noscript", "object", "script", "select", "style", "svg", "template",
    "textarea", "title", "xmp",
}  # fmt: skip
DANGEROUS_ATTRIBUTES = {
    "accesskey", "action", "allow", "autofocus", "autoplay", "background", "commandfor",
    "contenteditable", "contextmenu", "for", "form", "formaction", "is", "itemref", "list", "name",
    "part", "ping", "popovertarget", "slot", "srcdoc", "style", "tabindex", "target", "usemap",
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
# Those whose values are ids.
REFERENCES = {
    "aria-activedescendant", "aria-controls", "aria-describedby", "aria-details",
    "aria-errormessage", "aria-flowto", "aria-labelledby", "aria-owns", "headers", "id",
}  # fmt: skip
# An address in a list of images, with what follows it (HTML, section 4.8.4.2.1).
IMAGE = re.compile(r"[\s,]*(\S+)(?:(?<=,)|[^,]*)")


def dangers(html: str) -> Iterator[str]:
    """Whatever in the HTML could run, load, restyle or collide with the page around it."""
    return dangers_in(tags_of(html))


def dangers_in(tags: Iterable[tuple[str, Attributes]]) -> Iterator[str]:
    """The same of tags that any parser found in the HTML."""
    for tag, attributes in tags:
        if tag in DANGEROUS_TAGS:
            yield tag
        if tag == "iframe" and not is_known(attributes):
            yield f"iframe {attributes}"
        if tag == "input" and (
            attributes.get("type") != "checkbox" or "disabled" not in attributes
        ):
            yield f"input {attributes}"
        for name, value in attributes.items():
            yield from dangers_of(name, value or "")


def is_idle(control: Attributes) -> bool:
    """Whether it is the box of a task list, which a reader can't change."""
    return control.get("type") == "checkbox" and "disabled" in control


def dangers_of(name: str, value: str) -> Iterator[str]:
    """What an attribute can do."""
    if name.startswith("on") or name in DANGEROUS_ATTRIBUTES:
        yield name
    if name in ("href", "src", "poster") and runs(value):
        yield value
    if name == "srcset" and any(map(runs, IMAGE.findall(value))):
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
    return parts.scheme == "https" and parts.netloc.lower() in EMBEDS and granted == SANDBOX
