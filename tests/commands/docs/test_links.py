"""Every link of the documentation leads somewhere, and every page can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import REPOSITORY
from tests.support.docs.markdown import PAGES, Page, page

if TYPE_CHECKING:
    from pathlib import Path


def target_of(source: Page, link: str) -> tuple[Path, str]:
    """Return the file or folder that a relative link names, and the anchor in it."""
    name, _, anchor = link.partition("#")
    return (source.path.parent / name).resolve() if name else source.path, anchor


def relative_links(source: Page) -> list[str]:
    """Return the links that lead to files of this project."""
    return [link for link in source.links() if "://" not in link and not link.startswith("mailto:")]


@pytest.mark.parametrize("source", PAGES, ids=lambda each: each.name)
def test_every_relative_link_resolves(source: Page) -> None:
    for link in relative_links(source):
        target, anchor = target_of(source, link)
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(REPOSITORY), f"{link} leads out of the project"
        if anchor:
            assert anchor in Page(target).anchors(), f"{link} names no heading"


def test_the_readme_leads_to_every_page() -> None:
    reached: set[Path] = set()
    waiting = [page("README.md")]
    while waiting:
        source = waiting.pop()
        if source.path in reached:
            continue
        reached.add(source.path)
        targets = (target_of(source, link)[0] for link in relative_links(source))
        waiting += [Page(target) for target in targets if target.suffix == ".md"]
    assert {each.path for each in PAGES} <= reached
