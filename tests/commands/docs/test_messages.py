"""The messages that the documentation explains are those of the code, and none is missing."""

from __future__ import annotations

import re

import pytest

from tests.support.docs.markdown import page
from tests.support.docs.messages import is_said, matches, raised_texts

FAILURES, TROUBLES = page("docs/reference/failures.md"), page("docs/howto/troubleshooting.md")

# dbt itself says this.
OF_OTHERS = {"Invalid value for '--profiles-dir': Path … does not exist."}


def explained() -> list[str]:
    """Return the messages in the headings of the one page and the tables of the other."""
    headings = [re.fullmatch(r"(`+) ?(.*?) ?\1", heading) for heading in TROUBLES.headings()]
    reasons = re.findall(r"^\| `([^`]+)` \|", FAILURES.text, flags=re.MULTILINE)
    return [*(heading[2] for heading in headings if heading), *reasons]


@pytest.mark.parametrize("message", [each for each in explained() if each not in OF_OTHERS])
def test_the_code_says_what_is_explained(message: str) -> None:
    assert is_said(message)


@pytest.mark.parametrize("text", sorted(raised_texts()))
def test_what_the_code_says_is_explained(text: str) -> None:
    assert any(matches(text, message) for message in explained())
