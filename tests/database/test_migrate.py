"""Migrations: killed, raced, edited, adopted, rolled back, and run by plain yoyo."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests.support import REPOSITORY
from tests.support.database.handover import statement
from tests.support.servers.postgres import embedded_bin_dir
from transcriber.core.errors import DatabaseUnavailableError, MigrationError
from transcriber.db import migrate
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIGRATIONS = REPOSITORY / "migrations"
IDS = sorted(path.stem for path in MIGRATIONS.glob("*.sql") if ".rollback" not in path.name)
TABLES = ("audio_files", "transcriptions", "transcription_failures", "transcription_claims")
COMMAND = [sys.executable, "-m", "transcriber", "migrate"]


def transcriber_migrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def yoyo(*arguments: str) -> str:
    program = Path(sys.executable).with_name("yoyo")
    done = subprocess.run(
        [program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema_dump(database: dict[str, str]) -> str:
    dump = subprocess.run(
        [embedded_bin_dir() / "pg_dump", "--schema-only", "--no-owner"],
        env={**os.environ, **database}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    # a random key of each run, against dumps that attack psql
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump)


def connect(database: dict[str, str], **parameters: Any) -> psycopg.Connection:
    return psycopg.connect(autocommit=True, dbname=database["PGDATABASE"], **parameters)


def rows(database: dict[str, str], text: str) -> list[tuple[Any, ...]]:
    with connect(database) as connection:
        return connection.execute(text).fetchall()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the migrations that a test may change."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


def keep_only(folder: Path, first: int) -> None:
    """Leave the first migrations: an older release."""
    for migration_id in IDS[first:]:
        for path in folder.glob(f"{migration_id}.*"):
            path.unlink()


# ---------- apply, list, try, roll back


def test_an_empty_database_gets_every_migration_once(empty_database: dict[str, str]) -> None:
    first, second = transcriber_migrate(), transcriber_migrate()

    assert (first.returncode, first.stdout.splitlines()) == (0, IDS)
    assert (second.returncode, second.stdout) == (0, "nothing to apply\n")
    assert first.stderr == second.stderr == ""
    bookkeeping = rows(empty_database, "select schemaname from pg_tables where tablename ~ 'yoyo'")
    assert {schema for (schema,) in bookkeeping} == {"media_pipeline"}


def test_rolled_back_and_applied_again_the_schema_is_the_same(
    empty_database: dict[str, str],
) -> None:
    migrate.apply()
    before = schema_dump(empty_database)

    done = transcriber_migrate("--rollback", IDS[0])
    assert done.stdout.splitlines() == [f"rolled back {migration}" for migration in IDS[::-1]]
    left = """
        select relname from pg_class
        where relnamespace = 'media_pipeline'::regnamespace and relname !~ '^_yoyo'
        union all
        select proname from pg_proc where pronamespace = 'media_pipeline'::regnamespace
    """
    assert rows(empty_database, left) == []

    assert migrate.apply() == IDS
    assert schema_dump(empty_database) == before


def test_list_tells_what_is_applied(empty_database: dict[str, str], folder: Path) -> None:
    keep_only(folder, 2)
    migrate.apply(folder)

    lines = transcriber_migrate("--list").stdout.splitlines()

    applied = rf"applied {datetime.now(UTC):%Y}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    assert len(lines) == len(IDS)
    for line, migration_id in zip(lines[:2], IDS[:2], strict=True):
        assert re.fullmatch(rf"{migration_id}  {applied}", line)
    assert lines[2:] == [f"{migration_id}  pending" for migration_id in IDS[2:]]
    assert empty_database


@pytest.mark.parametrize("option", ["--list", "--dry-run"])
def test_looking_changes_nothing(empty_database: dict[str, str], option: str) -> None:
    done = transcriber_migrate(option)

    assert done.returncode == 0
    assert all(migration_id in done.stdout for migration_id in IDS)
    assert rows(empty_database, "select to_regnamespace('media_pipeline')") == [(None,)]


def test_a_dry_run_prints_the_pending_sql(empty_database: dict[str, str], folder: Path) -> None:
    keep_only(folder, 1)
    migrate.apply(folder)

    printed = transcriber_migrate("--dry-run").stdout

    texts = [(MIGRATIONS / f"{migration_id}.sql").read_text() for migration_id in IDS]
    assert texts[0] not in printed
    assert all(text in printed for text in texts[1:])
    assert rows(empty_database, "select count(*) from media_pipeline._yoyo_migration") == [(1,)]


def test_a_rollback_takes_what_came_later_too(database: dict[str, str]) -> None:
    assert migrate.rollback("0004") == IDS[:2:-1]

    for unknown in (IDS[4], "0004", "000", "nonsense"):
        done = transcriber_migrate("--rollback", unknown)
        assert done.returncode == 2
        assert done.stderr == f"Error: {unknown} is not applied: see `transcriber migrate --list`\n"
    assert [*rows(database, "select migration_id from media_pipeline._yoyo_migration")] == [
        (migration_id,) for migration_id in IDS[:3]
    ]


def test_a_rollback_never_drops_rows(database: dict[str, str]) -> None:
    with connect(database) as connection:
        connection.execute("insert into media_pipeline.audio_files (url, url_sha1) values ('', '')")

    done = transcriber_migrate("--rollback", IDS[0])

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot roll back {IDS[0]}: media_pipeline.audio_files")
    assert done.stderr.count("\n") == 1
    assert rows(database, "select count(*) from media_pipeline.audio_files") == [(1,)]
    assert migrate.status()[0].applied_at
    assert migrate.apply() == IDS[1:]


def test_two_wishes_at_once_are_refused() -> None:
    assert transcriber_migrate("--list", "--rollback", IDS[0]).returncode == 2


def test_a_migration_that_fails_is_named(empty_database: dict[str, str], folder: Path) -> None:
    bad = folder / "0009.bad.sql"
    bad.write_text(f"-- depends: {IDS[-1]}\nselect 1;\ncreate table media_pipeline.audio_files ();")

    for _ in range(2):
        with pytest.raises(MigrationError, match=r"cannot apply 0009\.bad: .*already exists"):
            migrate.apply(folder)
    bad.write_text("select 'a row for stderr' as noise;")
    assert migrate.apply(folder) == ["0009.bad"]
    assert empty_database


# ---------- many at once, and killed


def test_eight_at_once_apply_each_migration_once(empty_database: dict[str, str]) -> None:
    runs = [
        subprocess.Popen(
            COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    results = [(*run.communicate(timeout=120), run.returncode) for run in runs]

    nothing = ("nothing to apply\n", "", 0)
    assert sorted(results) == sorted([("\n".join([*IDS, ""]), "", 0), *[nothing] * 7])
    log = "select migration_id, operation from media_pipeline._yoyo_log order by 1"
    assert rows(empty_database, log) == [(migration_id, "apply") for migration_id in IDS]


def test_a_run_that_waits_too_long_names_who_holds_the_lock(
    empty_database: dict[str, str],
) -> None:
    with connect(empty_database) as other:
        other.execute(query("db/try_migration_lock"))
        done = transcriber_migrate("--lock-timeout", "0.2")
        holder = other.info.backend_pid

    assert done.returncode == 2
    assert f"another migration is running (server process {holder}): wait for it" in done.stderr
    assert migrate.apply() == IDS


@contextmanager
def blocked_and_killed(database: dict[str, str], blocking: str, blocked: str) -> Iterator[None]:
    """Kill a run in the middle of a statement, while `blocking` goes on holding its lock."""
    waiting = "select query from pg_stat_activity where wait_event_type = 'Lock'"
    with connect(database) as holder, holder.transaction():
        holder.execute(blocking)
        with subprocess.Popen(COMMAND, cwd=REPOSITORY) as run:
            until(lambda: blocked in str(rows(database, waiting)).lower())
            run.send_signal(signal.SIGKILL)
        yield


def test_a_run_killed_in_a_transaction_is_repeated(empty_database: dict[str, str]) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    lock = "lock table media_pipeline.transcriptions in access share mode"

    with blocked_and_killed(empty_database, lock, "add column"):
        # while the killed run's statement may still wait in the server
        second = subprocess.Popen(COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    out, _ = second.communicate(timeout=60)

    assert (second.returncode, out.splitlines()) == (0, IDS)


def test_an_index_that_a_killed_run_left_invalid_is_built_anew(
    empty_database: dict[str, str], folder: Path
) -> None:
    keep_only(folder, 3)
    migrate.apply(folder)
    write = "lock table media_pipeline.transcriptions in row exclusive mode"
    invalid = "select indexrelid::regclass::text from pg_index where not indisvalid"

    with blocked_and_killed(empty_database, write, "create index"):
        # the server notices within a second that its client is gone
        until(lambda: not rows(empty_database, "select from pg_locks where locktype = 'advisory'"))
        assert rows(empty_database, invalid) == [("media_pipeline.ix_transcriptions_queue",)]

    assert migrate.apply() == IDS[3:]
    assert rows(empty_database, invalid) == []
    valid = "select count(*) from pg_index where indexrelid::regclass::text ~ 'ions_queue$'"
    assert rows(empty_database, valid) == [(1,)]


# ---------- edited and missing files


def test_an_edited_applied_file_is_refused_by_name(
    empty_database: dict[str, str], folder: Path
) -> None:
    keep_only(folder, 4)
    migrate.apply(folder)
    shutil.copy(MIGRATIONS / f"{IDS[4]}.sql", folder)
    with (folder / f"{IDS[1]}.sql").open("a") as file:
        file.write("-- one comment more\n")

    for attempt in (
        lambda: migrate.apply(folder),
        lambda: migrate.dry_run(folder),
        lambda: migrate.rollback(IDS[0], folder),
    ):
        with pytest.raises(MigrationError, match=f"{IDS[1]} was edited .*: restore the file"):
            attempt()
    assert [bool(migration.fault) for migration in migrate.status(folder)].index(True) == 1
    assert migrate.apply() == IDS[4:]
    assert empty_database


def test_a_missing_applied_file_is_refused_by_name(
    empty_database: dict[str, str], folder: Path
) -> None:
    migrate.apply(folder)
    (folder / f"{IDS[2]}.sql").unlink()

    with pytest.raises(MigrationError, match=f"{IDS[2]} was applied, but is missing"):
        migrate.apply(folder)
    assert "missing" in migrate.status(folder)[2].describe()
    assert empty_database


def test_windows_line_ends_are_no_edit(empty_database: dict[str, str], folder: Path) -> None:
    migrate.apply()
    for path in folder.glob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrate.apply(folder) == []
    assert migrate.rollback(IDS[0], folder) == IDS[::-1]
    assert migrate.apply(folder) == IDS
    assert migrate.apply() == []
    assert empty_database


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations in"):
        migrate.apply(tmp_path)


# ---------- adoption of the handover's tables


def insert_rows(database: dict[str, str]) -> None:
    with connect(database) as connection:
        connection.execute("""
            insert into media_pipeline.audio_files (phone, url, url_sha1, recording_id, started)
            select
                '+493023125' || lpad((i % 1000)::text, 3, '0'),
                'https://vault.example.test/vr/PR_' || i || '.mp3',
                'sha ' || i,
                nullif('PR_' || i, 'PR_7'),
                timestamptz '2024-10-31 10:57Z' + i * interval '1 minute'
            from generate_series(1, 2000) as i;
            insert into media_pipeline.transcriptions (audio_file_id, transcript_text, segments)
            select id, 'said ' || id, '[{"start": 0}]' from media_pipeline.audio_files;
            insert into media_pipeline.transcription_failures (audio_file_id, status, error)
            select id, 'transient', 'slow' from media_pipeline.audio_files where id % 7 = 0;
            insert into media_pipeline.transcription_claims (audio_file_id, claimed_by)
            select id, 'somebody' from media_pipeline.audio_files where id % 9 = 0
        """)


def everything(database: dict[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: rows(database, f"select to_jsonb(t) - 'raw_response' from media_pipeline.{table} t")  # noqa: S608
        for table in TABLES
    }


@pytest.mark.parametrize("raw_response", [True, False])
def test_a_deployment_is_adopted_with_its_rows(
    empty_database: dict[str, str],
    raw_response: bool,  # noqa: FBT001
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
        if not raw_response:
            connection.execute("alter table media_pipeline.transcriptions drop raw_response")
    insert_rows(empty_database)
    before = everything(empty_database)

    assert migrate.apply() == IDS

    assert everything(empty_database) == before
    assert [len(before[table]) for table in TABLES] == [2000, 2000, 285, 222]
    column = "select raw_response from media_pipeline.transcriptions limit 1"
    assert rows(empty_database, column) == [(None,)]


def test_a_deployment_and_an_empty_database_end_alike(
    empty_database: dict[str, str], database: dict[str, str]
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATABASE", empty_database["PGDATABASE"])
        migrate.apply()

    assert schema_dump(empty_database) == schema_dump(database)


CATALOG = """
    select 'column', table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'media_pipeline'
    union all
    select 'place', table_name, column_name, ordinal_position::text, '', ''
    from information_schema.columns where table_schema = 'media_pipeline'
    union all
    select 'index', tablename, indexname, indexdef, '', ''
    from pg_indexes where schemaname = 'media_pipeline'
    union all
    select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    from pg_constraint where connamespace = 'media_pipeline'::regnamespace
    union all
    select 'sequence', sequencename, data_type::text, increment_by::text, '', ''
    from pg_sequences where schemaname = 'media_pipeline'
    union all
    select 'trigger', tgrelid::regclass::text, tgname, '', '', ''
    from pg_trigger where not tgisinternal
"""


def test_nothing_of_the_handover_is_changed_and_the_additions_are_known(
    empty_database: dict[str, str], database: dict[str, str]
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    theirs, ours = ({*rows(each, CATALOG)} for each in (empty_database, database))

    assert theirs - ours == set()
    added = {row[:3] for row in ours - theirs if "_yoyo" not in row[1]}
    of_ours = {
        "provider_pauses", "media_pipeline.provider_pauses",
        "claimable_files", "file_states", "held_back_files", "live_claims", "queued_files",
    }  # fmt: skip
    assert {row for row in added if row[1] not in of_ours} == {
        ("index", "audio_files", "ix_audio_files_gaps"),
        ("index", "audio_files", "ix_audio_files_unnumbered"),
        ("index", "transcriptions", "ix_transcriptions_failed"),
        ("index", "transcriptions", "ix_transcriptions_queue"),
        ("index", "transcriptions", "ix_transcriptions_queue_campaign"),
        ("index", "transcription_failures", "ix_transcription_failures_due"),
    }


# ---------- plain yoyo


def test_plain_yoyo_serves_an_empty_database_and_both_go_on(
    empty_database: dict[str, str],
) -> None:
    assert yoyo("list").count("\nU ") == len(IDS)
    yoyo("apply")
    assert yoyo("list").count("\nA ") == len(IDS)
    assert migrate.apply() == []
    assert all(migration.sha256 for migration in migrate.status())

    yoyo("rollback", "--revision", IDS[3])
    assert migrate.apply() == IDS[3:]
    migrate.rollback(IDS[1])
    yoyo("apply")
    assert migrate.apply() == []
    yoyo("break-lock")
    assert empty_database


def test_yoyo_without_our_backend_is_taken_over(
    empty_database: dict[str, str], folder: Path
) -> None:
    with connect(empty_database) as connection:
        connection.execute("create schema media_pipeline")
    stock = ["--no-config-file", "--database", "postgresql+psycopg://?schema=media_pipeline"]
    yoyo("apply", "--batch", "--revision", IDS[1], *stock, str(MIGRATIONS))
    with connect(empty_database) as connection:
        # as of a run that was killed
        connection.execute("insert into media_pipeline.yoyo_lock values (1, now(), 4711)")

    assert [migration.sha256 for migration in migrate.status()] == [None] * len(IDS)
    assert migrate.apply() == IDS[2:]
    assert all(migration.sha256 for migration in migrate.status())
    (folder / f"{IDS[0]}.sql").write_text("select 1")
    with pytest.raises(MigrationError, match=f"{IDS[0]} was edited"):
        migrate.apply(folder)


def test_marks_that_a_crash_lost_are_made_again(database: dict[str, str]) -> None:
    before = schema_dump(database)
    with connect(database) as connection:
        connection.execute("delete from media_pipeline._yoyo_migration")

    assert migrate.apply() == IDS
    assert schema_dump(database) == before


# ---------- the connection


@pytest.mark.parametrize(
    "variables",
    [
        {"PGHOST": "127.0.0.1", "PGPORT": "1"},
        {"PGDATABASE": "there_is_none"},
        {"PGPORT": "no number"},
        {"PGSERVICE": "there_is_none"},
        {"PGHOST": "postgresql://somebody:5ecret@127.0.0.1/db"},
    ],
)
def test_without_a_database_one_line_says_what_to_set(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in {**server, "PGPASSWORD": "5ecret", **variables}.items():
        monkeypatch.setenv(name, value)

    done = transcriber_migrate()

    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"Error: Cannot connect .*PGHOST, PGPORT, .*\n", done.stderr)
    assert "5ecret" not in done.stderr
    with pytest.raises(DatabaseUnavailableError):
        migrate.status()


def test_a_service_names_the_database(
    empty_database: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    lines = [f"{key}={empty_database[name]}" for name, key in keys.items()]
    (tmp_path / "services").write_text("\n".join(["[calls]", *lines, ""]))
    for name in keys:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "calls")

    assert migrate.apply() == IDS


@pytest.fixture
def as_unprivileged_owner(empty_database: dict[str, str]) -> Iterator[str]:
    """Act as a role that owns the schema, and may create neither another nor an extension."""
    name = f"owner_{os.urandom(4).hex()}"
    role = sql.Identifier(name)
    with connect(empty_database) as admin:
        admin.execute(sql.SQL("create role {}").format(role))
        admin.execute(sql.SQL("create schema media_pipeline authorization {}").format(role))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGOPTIONS", f"-c role={name}")
            yield name
        admin.execute(sql.SQL("drop owned by {} cascade").format(role))
        admin.execute(sql.SQL("drop role {}").format(role))


def test_owning_the_schema_is_privilege_enough(
    empty_database: dict[str, str], as_unprivileged_owner: str
) -> None:
    assert migrate.apply() == IDS

    owners = "select distinct tableowner from pg_tables where schemaname = 'media_pipeline'"
    assert rows(empty_database, owners) == [(as_unprivileged_owner,)]


# ---------- the functions


def texts_to_hash() -> list[str]:
    chance = random.Random(20241031)
    letters = "abcXYZ019-._/:?&=%~ äöüßéλж中文語🎧📞𐍈\u0301\u00a0\n\t"
    return [
        "",
        *("a" * length for length in range(1, 131)),
        *("".join(chance.choices(letters, k=chance.randrange(1, 300))) for _ in range(200)),
        *(f"https://vault.example.test/vr/PR_{chance.getrandbits(128):x}.mp3" for _ in range(50)),
        "\U0010ffff" * 33,
        "long " * 1640,
    ]


def assert_hashes_like_hashlib(database: dict[str, str]) -> None:
    texts = texts_to_hash()
    with connect(database) as connection:
        # the client's encoding must not matter, nor what it can express
        found = connection.execute(
            "select media_pipeline.url_sha1(text) from unnest(%s::text[])"
            " with ordinality as texts (text, place) order by place",
            [texts],
        ).fetchall()
        assert connection.execute("select media_pipeline.url_sha1(null)").fetchone() == (None,)
    assert [hash_ for (hash_,) in found] == [
        hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 (the handover's key)
        for text in texts
    ]


LANGUAGE = """
    select lanname from pg_language
    inner join pg_proc on pg_language.oid = prolang where proname = 'url_sha1'
"""


def test_url_sha1_is_sha1(database: dict[str, str]) -> None:
    offered = rows(database, "select from pg_available_extensions where name = 'pgcrypto'")

    assert rows(database, LANGUAGE) == [("sql" if offered else "plpgsql",)]
    assert_hashes_like_hashlib(database)
    plan = "explain verbose select media_pipeline.url_sha1(url) from media_pipeline.audio_files"
    # inlined: a hundred times faster than a call
    assert ("encode(digest(url" in str(rows(database, plan))) == bool(offered)


def test_url_sha1_is_sha1_without_pgcrypto(
    empty_database: dict[str, str], as_unprivileged_owner: str
) -> None:
    migrate.apply()

    assert rows(empty_database, LANGUAGE) == [("plpgsql",)]
    assert_hashes_like_hashlib(empty_database)
    assert as_unprivileged_owner


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


# read in Europe/Berlin
TIMESTAMPS: list[tuple[str | None, datetime | None]] = [
    ("2024-10-31T10:57:01.569Z", utc(2024, 10, 31, 10, 57, 1, 569000)),
    ("2024-10-31t10:57:01z", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01 UTC", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01 GMT", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01+00", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01-05", utc(2024, 10, 31, 15, 57, 1)),
    ("2024-10-31 10:57:01 -0330", utc(2024, 10, 31, 14, 27, 1)),
    ("2024-10-31T10:57:01.5+05:45", utc(2024, 10, 31, 5, 12, 1, 500000)),
    ("2024-10-31 10:57:01", utc(2024, 10, 31, 9, 57, 1)),
    ("2024-07-31 10:57:01.123456", utc(2024, 7, 31, 8, 57, 1, 123456)),
    ("2024-10-31T10:57", utc(2024, 10, 31, 9, 57)),
    ("  2024-10-31 10:57:01\n", utc(2024, 10, 31, 9, 57, 1)),
    ("2024-10-31", utc(2024, 10, 30, 23)),
    ("2024-10-31T24:00:00", utc(2024, 10, 31, 23)),
    ("2024-02-29 12:00", utc(2024, 2, 29, 11)),
    # clocks went forward: 02:30 was skipped; and back: 02:30 came twice, the second is taken
    ("2024-03-31 02:30", utc(2024, 3, 31, 1, 30)),
    ("2024-10-27 02:30", utc(2024, 10, 27, 1, 30)),
    (None, None),
    ("", None),
    ("2023-02-29 12:00", None),
    ("2024-13-01", None),
    ("2024-10-31 25:00", None),
    ("2024-10-31 10:57:01+99", None),
    ("2024-10-31 10:57:01 +02:00 +02:00", None),
    # PostgreSQL alone would read ten minutes past midnight, twenty past eight and eleven
    ("2024-10-31 10:57.5", None),
    ("2024-10-31T10:57.5Z", None),
    ("2024-10-31 2024.001", None),
    ("2024-10-31 1060", None),
    ("31.10.2024 10:57", None),
    ("10/31/2024", None),
    ("1730372221", None),
    ("now", None),
    ("infinity", None),
    ("2024-10-31 infinity", None),
    ("2024-10-31 epoch", None),
    ("2024-10-31 allballs", None),
    ("2024-10-31 BC", None),
    ("2024-10-31 10:57 PM", None),
    # these depend on the session's zone or on the server's version
    ("2024-10-31 10:57:01 CST", None),
    ("2024-10-31 10:57:01 LMT", None),
    ("2024-10-31 10:57:01 J", None),
    ("2024-10-31 10:57:01 GMT+2", None),
    ("not known", None),
]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Shanghai"])
@pytest.mark.parametrize("date_style", ["ISO, DMY", "SQL, MDY"])
def test_try_timestamptz_does_not_depend_on_the_session(
    database: dict[str, str], zone: str, date_style: str
) -> None:
    with connect(database, options=f"-c timezone={zone}") as connection:
        connection.execute("select set_config('datestyle', %s, false)", [date_style])
        found = connection.execute(
            # as seconds: psycopg reads no timestamps in the style SQL
            "select extract(epoch from media_pipeline.try_timestamptz(text, 'Europe/Berlin'))"
            " from unnest(%s::text[]) with ordinality as texts (text, place) order by place",
            [[text for text, _ in TIMESTAMPS]],
        ).fetchall()

    expected = [(text, when and when.timestamp()) for text, when in TIMESTAMPS]
    assert [
        (text, None if seconds is None else float(seconds))
        for (text, _), (seconds,) in zip(TIMESTAMPS, found, strict=True)
    ] == expected


def test_try_timestamptz_does_not_hide_a_wrong_zone(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="Europe/Berln"):
        connection.execute("select media_pipeline.try_timestamptz('2024-10-31', 'Europe/Berln')")
