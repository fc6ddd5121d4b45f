"""The commands and SQL of a page as one script, in which later lines see what earlier ones did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.docs.markdown import Page

# What the tests do not run, by how the line begins, and why.
NOT_RUN = {
    "make demo": "test_demo.py plays the demo in a folder of its own.",
    "make test": "The command would start these tests again.",
    "make lint": "CI runs the linters beside these tests.",
    "make setup": "The command installs packages; the tests use those that are installed.",
    "git clone": "The address is made up.",
    "git fetch": "A copied checkout has nothing to fetch from.",
    "git log": "A copied checkout has nothing to fetch from.",
    "git diff": "A copied checkout has nothing to fetch from.",
    "git pull": "A copied checkout has nothing to fetch from.",
    "export PGHOST=": "The server is made up; the tests name their own.",
    "sudo ": "The command needs root and changes the machine; test_units.py checks the units.",
    "systemctl ": "The command needs a machine that systemd has started.",
    "journalctl ": "The command needs a machine that systemd has started.",
}


def reason_not_to_run(line: str) -> str | None:
    """Return why the tests do not run a line."""
    return next((why for start, why in NOT_RUN.items() if line.startswith(start)), None)


def commands_of(page: Page, exit_codes: Mapping[str, int] | None = None) -> list[str]:
    """Return the commands and the SQL of a page that the tests run, as lines for bash.

    `exit_codes` has the commands that shall end with another code than 0. psql sends SQL as $ADMIN,
    the user of the tests' server.
    """
    return [*_commands(page, exit_codes or {})]


def script_of(
    page: Page,
    *,
    instead: Mapping[str, str] | None = None,
    exit_codes: Mapping[str, int] | None = None,
) -> str:
    """Return a page as a script for bash that ends at the first line that fails.

    `instead` replaces texts, such as a name that is made up.
    """
    text = "\n".join(["set -eu", *commands_of(page, exit_codes), ""])
    for old, new in (instead or {}).items():
        assert old in text, f"{page.name} does not say {old}"
        text = text.replace(old, new)
    return text


def _commands(page: Page, exit_codes: Mapping[str, int]) -> Iterator[str]:
    for language, text in page.blocks("sh", "sql"):
        if language == "sql":
            yield f"PGUSER=$ADMIN psql --quiet --set ON_ERROR_STOP=1 <<'SQL'\n{text}SQL"
            continue
        for line in text.splitlines():
            if code := exit_codes.get(line):
                yield f"{{ {line}; }} && exit 99 || test $? -eq {code}"
            elif line and reason_not_to_run(line) is None:
                yield line
