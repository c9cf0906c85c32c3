"""The changelog: its newest heading is the version of the program."""

import re
from pathlib import Path

from blog import __version__

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def test_the_newest_heading_is_the_version() -> None:
    headings = re.findall(r"^## (\S+)", CHANGELOG.read_text(), re.MULTILINE)

    assert headings[0] == __version__
