"""The README and `blog/documentation`: code blocks, tables, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "blog" / "documentation"
README = ROOT / "README.md"
PAGES = [README, *sorted(DIRECTORY.glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read(name: str) -> str:
    """The text of a file of the documentation, or of the README."""
    return (README if name == "README.md" else DIRECTORY / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    """The fenced code blocks of a page in one language."""
    return [block for found, block in _FENCE.findall(read(name)) if found == language]


def prose(page: Path) -> str:
    """The text of a page without its fenced code blocks."""
    return _FENCE.sub("", page.read_text())


def section(text: str, heading: str) -> str:
    """The part of a text below a second-level heading."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables in a text: the other cells of each row by the first one."""
    table = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    heads = {at - 1 for at, cells in enumerate(table) if set("".join(cells)) <= set("- :")}
    body = [cells for at, cells in enumerate(table) if not {at, at - 1} & heads]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in body}


def names(text: str) -> set[str]:
    """The code spans in the first column of all tables in a text."""
    return {name for cell in rows(text) for name in re.findall(r"`([^`]+)`", cell)}


def anchors(page: Path) -> set[str]:
    """The fragments by which forges link to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def links(page: Path) -> Iterator[str]:
    """The targets of the links of a page, except those to other sites."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            yield target
