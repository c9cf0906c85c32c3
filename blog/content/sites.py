"""Which addresses in posts are the blog's own, and the hosts whose pages posts may embed."""

from __future__ import annotations

from dataclasses import dataclass

from blog.content.addresses import split

# YouTube, Vimeo, Spotify, SoundCloud and CodePen.
EMBED_HOSTS = frozenset(
    [
        "codepen.io",
        "open.spotify.com",
        "player.vimeo.com",
        "w.soundcloud.com",
        "www.youtube-nocookie.com",
        "www.youtube.com",
    ]
)
# What an embedded page may do, whatever its author wrote.
EMBED_ATTRIBUTES = {
    "loading": "lazy",
    "sandbox": "allow-scripts allow-same-origin allow-popups",
    "referrerpolicy": "strict-origin-when-cross-origin",
}


@dataclass(frozen=True)
class Site:
    """What decides about addresses in posts: settings, and nothing that a request says.

    ``base_url`` is an origin, as browsers write it, and a path without a slash at its end.
    """

    base_url: str | None = None
    embed_hosts: frozenset[str] = EMBED_HOSTS

    def owns(self, address: str) -> bool:
        """Whether an address is relative, or below the base URL."""
        parts = split(address)
        if not parts.netloc:
            return not parts.scheme
        if self.base_url is None:
            return False
        place = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}/"
        return place.startswith(f"{self.base_url}/")

    def may_own(self, address: str) -> bool:
        """Whether an address may be the blog's own, as far as settings say it."""
        return self.base_url is None or self.owns(address)

    def may_embed(self, address: str) -> bool:
        """Whether posts may embed the page of an address."""
        parts = split(address)
        return parts.scheme == "https" and parts.netloc.lower() in self.embed_hosts
