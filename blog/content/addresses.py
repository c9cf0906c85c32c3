"""Relative addresses in the HTML of posts: stored with a mark, and absolute when they are read.

So feeds and pages of other sites can show a post, whichever address the blog has now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urljoin, urlsplit

# Control characters, which `hide_marks` keeps out of HTML, and no character reference means (HTML,
# section 13.2.5.80). The first stands for the scheme and host of the blog, the second for its base
# URL with a slash.
_HOST_MARK = "\x80"
_BASE_MARK = "\x82"
MARKS = _HOST_MARK + _BASE_MARK
# Between two images of a list; after what says its size, a comma needs no blank.
_TOGETHER = re.compile(r"(\s[\d.]+[hwx]),(?=\S)", re.ASCII)
# What `split` makes of an address that no browser can read.
_UNREADABLE = urlsplit("unreadable:")
_ANYWHERE = "https://any/"


def hide_marks(text: str) -> str:
    """The text with another character in place of each that marks an address."""
    unknown = "\N{REPLACEMENT CHARACTER}"
    return text.replace(_HOST_MARK, unknown).replace(_BASE_MARK, unknown)


def split(address: str) -> SplitResult:
    """The parts of an address as a browser reads it."""
    try:
        return urlsplit(address.replace("\\", "/"))
    except ValueError:
        return _UNREADABLE


def mark_relative(address: str) -> str:
    """The address as it is stored: with a mark where it is relative to the blog.

    One that no browser can read leads nowhere.
    """
    parts = split(address)
    if parts is _UNREADABLE:
        return "#"
    if parts.scheme or address.startswith("#"):
        return address
    if parts.netloc:
        return f"https:{address}"
    # Segments of dots are resolved now, as a browser would: few addresses have one.
    if "./" in address or parts.path.endswith("."):
        address = ("/" if parts.path.startswith("/") else "") + urljoin(
            _ANYWHERE, address
        ).removeprefix(_ANYWHERE)
    return _HOST_MARK + address if parts.path.startswith("/") else _BASE_MARK + address


def make_absolute(html: str, base: str) -> str:
    """HTML in which each marked address is absolute.

    ``base`` is the base URL of the blog, without a slash at its end.
    """
    if _HOST_MARK not in html and _BASE_MARK not in html:
        return html
    parts = urlsplit(base)
    host = f"{parts.scheme}://{parts.netloc}"
    return html.replace(_HOST_MARK, host).replace(_BASE_MARK, f"{base}/")


def split_images(srcset: str) -> Iterator[list[str]]:
    """Each image of a list (HTML, section 4.8.4.2.1): its address, and what says its size."""
    apart = _TOGETHER.sub(r"\1, ", srcset.strip())
    images = (image.split() for image in re.split(r",\s+|,$", apart))
    return filter(None, images)
