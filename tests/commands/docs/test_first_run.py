"""The first run, on a database that has the dialer's tables and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.support.docs.markdown import page
from tests.support.docs.script import script_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.commands.docs.conftest import Machine

# The packages are installed already, and dbt's profile is the other thing that setup makes.
SETUP = {"set -eu\n": "set -eu\nmake profiles.yml\n"}


@pytest.fixture
def role(server: dict[str, str]) -> Iterator[str]:
    """Name a role that does not exist yet, and drop it after its database."""
    name = f"pipeline_{os.getpid()}_{os.urandom(3).hex()}"
    yield name
    with psycopg.connect(
        host=server["PGHOST"],
        port=server["PGPORT"],
        user=server["PGUSER"],
        password=server.get("PGPASSWORD"),
        dbname=server["PGDATABASE"],
        autocommit=True,
    ) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_the_readme_works_on_an_empty_database(
    machine: Machine, dialer: psycopg.Connection
) -> None:
    printed = machine.run(script_of(page("README.md"), instead=SETUP))

    assert "10 completed, 0 failed" in printed
    assert "29 completed, 0 failed" in printed
    states = "select state, count(*) from media_pipeline.file_states group by state"
    assert dialer.execute(states).fetchall() == [("completed", 39)]


def test_the_howto_works_with_the_privileges_that_it_grants(
    role: str, machine: Machine, dialer: psycopg.Connection
) -> None:
    text = script_of(
        page("docs/howto/first-run.md"),
        instead={
            "cd media-pipeline\n": f"make profiles.yml\nexport PGUSER={role}\n",
            "create role pipeline login": f"create role {role} login",
            "database calls to pipeline": f"database {os.environ['PGDATABASE']} to {role}",
            "public.campaign_map to pipeline": f"public.campaign_map to {role}",
        },
    )

    printed = machine.run(text)

    assert "phone_missing" in printed
    assert "29 completed, 0 failed" in printed
    owners = dialer.execute(
        "select distinct tableowner from pg_tables where schemaname = 'media_pipeline'"
    )
    assert owners.fetchall() == [(role,)]


def test_campaign_map_is_optional(machine: Machine, dialer: psycopg.Connection) -> None:
    dialer.execute("drop table public.campaign_map")

    machine.run("make profiles.yml && transcriber migrate && dbt --quiet build")

    names = "select distinct campaign_name from media_pipeline.audio_files"
    assert dialer.execute(names).fetchall() == [("unknown",)]
