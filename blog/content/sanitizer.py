"""The elements, attributes, classes and addresses of a post that may stand in any page."""

from __future__ import annotations

import re
from functools import cache, partial

import nh3

from blog.content.addresses import split, split_images
from blog.content.highlighting import CLASSES
from blog.content.sites import EMBED_ATTRIBUTES, Site

_SCHEMES = "ftp http https irc ircs magnet mailto sms tel xmpp"
# The elements that are kept besides those that nh3 keeps.
_ADDED = "address audio iframe input picture section source tfoot track video"
# The attributes of elements, for which nh3 would keep others.
_OWN = {
    "*": "class dir id lang role title",
    "a": "href hreflang rel",
    "audio": "controls loop muted preload src",
    "details": "open",
    "iframe": "allowfullscreen height loading referrerpolicy sandbox src width",
    "img": "align alt decoding height loading sizes src srcset width",
    "input": "checked disabled type",
    "li": "value",
    "ol": "reversed start type",
    "source": "height media sizes src srcset type width",
    "time": "datetime",
    "track": "default kind label src srclang",
    "ul": "type",
    "video": "controls height loop muted playsinline poster preload src width",
}
_ALIGNED = "caption div figure h1 h2 h3 h4 h5 h6 p"
# The address of a source is for programs, and would have to be made absolute.
_USUAL = {tag: names - {"cite"} for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
_ATTRIBUTES = _USUAL | {tag: set(names.split()) for tag, names in _OWN.items()}
_ATTRIBUTES |= {tag: _ATTRIBUTES.get(tag, set()) | {"align"} for tag in _ALIGNED.split()}
_MEDIA = frozenset({"audio", "source", "track", "video"})
_CLASS = re.compile(
    r"language-[\w+#.-]+|(?:align|wp-block-|kg-|is-|has-|markdown-alert|footnote)[\w-]*|anchor",
    re.ASCII,
)
# What follows an address in a list of images.
_DESCRIPTOR = re.compile(r"[\d.]+[hwx]", re.ASCII)


def sanitize(html: str, site: Site) -> str:
    """HTML without anything that runs, loads another page, or styles the page around it.

    Pages that the site may embed run in a sandbox.
    """
    return _cleaner(site).clean(html)


@cache
def _cleaner(site: Site) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=nh3.ALLOWED_TAGS | set(_ADDED.split()),
        attributes=_ATTRIBUTES,
        attribute_filter=partial(_keep_attribute, site),
        set_tag_attribute_values={"iframe": EMBED_ATTRIBUTES},
        generic_attribute_prefixes={"aria-"},
        link_rel=None,
        url_schemes=set(_SCHEMES.split()),
    )


def _keep_attribute(site: Site, tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute to keep, None for none."""
    if attribute == "class":
        kept = [name for name in value.split() if name in CLASSES or _CLASS.fullmatch(name)]
        return " ".join(kept) or None
    if attribute == "srcset":
        return _srcset(value)
    if attribute == "poster" or (attribute == "src" and tag in _MEDIA):
        return value if _is_of_the_web(value) else None
    if tag == "iframe" and attribute == "src":
        return value if site.may_embed(value) else None
    return value


def _is_of_the_web(address: str) -> bool:
    return split(address).scheme in ("", "http", "https")


def _srcset(value: str) -> str | None:
    """The images of a list that have addresses of the web."""
    kept = [
        " ".join([address, *descriptors])
        for address, *descriptors in split_images(value)
        if _is_of_the_web(address) and all(map(_DESCRIPTOR.fullmatch, descriptors))
    ]
    return ", ".join(kept) or None
