"""dbt as an operator runs it, but with its files in a folder of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from tests.support import REPOSITORY

if TYPE_CHECKING:
    from psycopg import Connection

SOURCE_TABLES: LiteralString = """
    create table public.contacts (
        "$id" text primary key, "$phone" text, "$campaign_id" text
    );
    create table public.recordings (
        id bigint primary key, contact_id text, location text, started text, stopped text
    );
    create table public.campaign_map (campaign_id text, campaign text)
"""


class Dbt:
    """The dbt project, with profiles.example.yml copied to profiles.yml as the README says."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for the profile, the artifacts and the logs."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "profiles.example.yml", folder / "profiles.yml")

    def start(self, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a dbt command; the keyword arguments are the project's vars."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("dbt"), *arguments, "--vars", json.dumps(variables)],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "DBT_PROFILES_DIR": str(self.folder),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
                "DBT_USE_COLORS": "false",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **variables: Any) -> str:
        """Run a dbt command that must succeed; return its output."""
        return finish(self.start(*arguments, **variables))

    def fail(self, *arguments: str, **variables: Any) -> str:
        """Run a dbt command that must fail; return its output."""
        process = self.start(*arguments, **variables)
        said = process.communicate()[0]
        assert process.returncode, said
        return said


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a command that must succeed; return its output."""
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return said


def generate_recordings(connection: Connection, ids: range, contacts: int = 200) -> None:
    """Insert plain recordings, and their contacts if they are not there yet."""
    connection.execute(
        """
        insert into public.contacts
        select 'K' || n, '+49 30 23125' || to_char(n, 'FM000'), 'C1'
        from generate_series(0, %s - 1) as n
        on conflict do nothing
        """,
        [contacts],
    )
    connection.execute(
        """
        insert into public.recordings
        select
            n,
            'K' || n %% %s,
            'https://vault.example.test/vr/PR_' || n || '.mp3',
            '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute',
            '2026-01-01T00:00:30Z'::timestamptz + n * interval '1 minute'
        from generate_series(%s::bigint, %s::bigint) as n
        """,
        [contacts, ids.start, ids.stop - 1],
    )
