"""The project's Markdown pages: their fenced blocks, their links, their headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

# What stands between two fences is not Markdown.
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path inside the project."""
        return self.path.relative_to(REPOSITORY).as_posix()

    @property
    def text(self) -> str:
        """Return the whole file."""
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """Return the file without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[tuple[str, str]]:
        """Return the language and the text of each fenced block in these languages, in order."""
        return [block for block in _FENCE.findall(self.text) if block[0] in languages]

    def commands(self) -> list[str]:
        """Return the lines of the shell blocks."""
        return [line for _, text in self.blocks("sh") for line in text.splitlines()]

    def links(self) -> list[str]:
        """Return the targets of all links, those to other sites too."""
        return _LINK.findall(_CODE.sub("", self.prose))

    def headings(self) -> list[str]:
        """Return the headings, in order."""
        return _HEADING.findall(self.prose)

    def anchors(self) -> set[str]:
        """Return the anchors that GitHub and GitLab derive from the headings."""
        words = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", each).lower() for each in self.headings()]
        return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in words}


def page(name: str) -> Page:
    """Return a page by its path inside the project."""
    return Page(REPOSITORY / name)


PAGES = [
    Page(path) for path in sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
]
