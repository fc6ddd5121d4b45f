"""The other pages: every command and statement works on a database that has been operated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.docs.markdown import PAGES, Page, page
from tests.support.docs.script import NOT_RUN, commands_of, script_of

if TYPE_CHECKING:
    import psycopg

    from tests.commands.docs.conftest import Machine

START = "set -eu\n"
SOME_FILES_FAILED = 1
PAUSE = "insert into media_pipeline.provider_pauses values ('openai', 'wrong key', 'a worker')"

# Tests of their own run these pages; test_contributing.py looks at those for developers.
ELSEWHERE = {
    "README.md",
    "CONTRIBUTING.md",
    "docs/tutorial.md",
    "docs/howto/first-run.md",
    "docs/howto/uninstall.md",
    "docs/howto/upgrade.md",
}
OTHER_PAGES = [each for each in PAGES if each.name not in ELSEWHERE and commands_of(each)]


@pytest.mark.usefixtures("operated")
@pytest.mark.parametrize("guide", OTHER_PAGES, ids=lambda each: each.name)
def test_every_command_of_a_page_works_in_order(machine: Machine, guide: Page) -> None:
    instead, exit_codes = {}, {}
    if guide.name == "docs/howto/failed-files.md":
        # The recording is still missing when its file is tried again.
        exit_codes["transcriber run"] = SOME_FILES_FAILED
    elif guide.name == "docs/howto/two-machines.md":
        instead["cd media-pipeline\n"] = ""
    elif guide.name == "docs/howto/new-api-key.md":
        instead[START] = f'{START}psql --quiet --command "{PAUSE}"\n'
    elif guide.name == "docs/reference/models.md":
        instead[START] = f"{START}dbt --quiet build\n"
    machine.run(script_of(guide, instead=instead, exit_codes=exit_codes))


@pytest.mark.usefixtures("operated")
def test_upgrading_works(machine: Machine) -> None:
    settings = "export PIPELINE_VARS='{source_timezone: Europe/Berlin}'\n"

    printed = machine.run(
        script_of(page("docs/howto/upgrade.md"), instead={START: f"{START}{settings}"})
    )

    assert "nothing to apply" in printed
    assert "rolled back 0009.define-file-states" in printed


def test_uninstalling_leaves_nothing(machine: Machine, operated: psycopg.Connection) -> None:
    before = operated.execute("select count(*) from public.recordings").fetchone()

    machine.run(
        script_of(page("docs/howto/uninstall.md"), instead={START: f"{START}dbt --quiet build\n"})
    )

    assert not machine.checkout.exists()
    assert operated.execute("select to_regnamespace('media_pipeline')").fetchone() == (None,)
    assert operated.execute("select count(*) from public.recordings").fetchone() == before


@pytest.mark.parametrize("start", NOT_RUN)
def test_nothing_is_left_out_for_an_old_reason(start: str) -> None:
    assert any(line.startswith(start) for each in PAGES for line in each.commands())
