"""The versions that stored HTML has, by which HTML that is to be made anew is found.

It imports nothing of what renders, so that a process that only compares versions stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import metadata
from typing import NamedTuple

from blog.content.sites import Site

# Raised with every change to what a renderer returns: stored HTML of other versions is then made
# anew.
VERSION = 1
# The distributions that decide about what a renderer returns.
_LIBRARIES = ("comrak", "nh3", "Pygments", "selectolax")


class Rendering(NamedTuple):
    """The HTML of a body, and the version that it is stored with."""

    html: str
    version: str


@cache
def library_versions() -> Mapping[str, str]:
    """The versions of the libraries that render, as they are installed."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def version_of(site: Site, libraries: Mapping[str, str] | None = None) -> str:
    """The version of what is rendered now for a site: it differs where the HTML may differ."""
    settings = (site.base_url, sorted(site.embed_hosts))
    decisive = repr((settings, sorted((libraries or library_versions()).items())))
    return f"{VERSION}-{sha256(decisive.encode()).hexdigest()[:8]}"


def text_version_of(version: str) -> str:
    """The version of a body that is shown as text, by a renderer of this version."""
    return f"{version}-text"
