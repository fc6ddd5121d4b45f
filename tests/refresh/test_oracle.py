"""The refresh against an oracle in Python, over dirty rows that change between its runs.

Other seeds than the one of `make test`: MEDIA_PIPELINE_SEEDS="1 2 3" make test ARGS="-k oracle"
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from tests.support.refresh.compare import assert_as_expected, assert_issues, insert_by_hand
from tests.support.refresh.dirt import Dirt, write
from tests.support.refresh.oracle import Catalogue
from tests.support.refresh.rows import Contact, Recording, Settings, Source

if TYPE_CHECKING:
    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

pytestmark = pytest.mark.usefixtures("source")

RUNS = 5
CONTACTS = 400
RECORDINGS = 4_500


def seeds() -> list[int]:
    return [int(seed) for seed in os.environ.get("MEDIA_PIPELINE_SEEDS", "20261").split()]


@pytest.mark.parametrize("seed", seeds())
def test_tables_are_as_the_oracle_says(connection: Connection, dbt: Dbt, seed: int) -> None:
    dirt, catalogue = Dirt(seed), Catalogue()
    settings = dirt.settings()
    for run in range(RUNS):
        dirt.add_contacts(CONTACTS)
        dirt.add_recordings(RECORDINGS)
        dirt.change()
        if run:
            files = dirt.by_hand(catalogue.files, 40)
            insert_by_hand(connection, files)
            catalogue.files += files
        write(connection, dirt.source, dirt.random)
        if run:
            # The view shows every change of the source, before the next run acts on it.
            where = f"seed {seed}, before run {run}"
            assert_issues(connection, catalogue, dirt.source, settings, where)

        settings = dirt.settings()
        catalogue.refresh(dirt.source, settings)
        # The last refresh runs the data tests, too, which count the rows in their own way.
        is_last = run == RUNS - 1
        command = ["build", "--exclude-resource-type", "unit_test"] if is_last else ["run"]
        dbt.run(*command, **asdict(settings))
        where = f"seed {seed}, run {run}, {settings}"
        assert_as_expected(connection, catalogue, dirt.source, settings, where)


def test_what_no_index_takes_does_not_end_the_load(connection: Connection, dbt: Dbt) -> None:
    """A key is as long as an index takes, or one longer; it is random, so it does not compress."""
    digits = "".join(Dirt(1).random.choices("0123456789", k=10_000))
    source = Source()
    for number, (phone, path) in enumerate(
        [
            (digits[:1_000], "/PR_short"),
            (f"{digits[:1_000]}{' ' * 9_000}", "/PR_blanks"),
            (digits[:1_001], "/PR_phone"),
            (digits, "/PR_phone2"),
            ("+493023125001", f"/PR_{digits[:997]}/{digits}"),
            ("+493023125001", f"/PR_{digits[:998]}"),
            ("+493023125001", f"/PR_{digits}.mp3"),
            ("+493023125001", f"/PR_{digits}.wav"),
        ]
    ):
        source.contacts[f"K{number}"] = Contact(f"K{number}", phone, None)
        source.recordings[number] = Recording(
            number, f"K{number}", f"https://vault.example.test{path}", None, None
        )
    write(connection, source, Dirt(1).random)
    dbt.run("run")
    catalogue = Catalogue()
    catalogue.refresh(source, Settings())
    assert [file.source_row_id for file in catalogue.files] == [0, 1, 4, 5, 6, 7]
    assert_as_expected(connection, catalogue, source, Settings(), "keys")
