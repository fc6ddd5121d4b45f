"""What is paid for is written, whatever PostgreSQL answers; and nothing said is in a message."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

from tests.support.pipeline import Pipeline, ended, recording
from tests.support.servers.provider import Answer as Reply
from tests.support.wait import until
from transcriber.core.errors import MigrationError
from transcriber.db import migrate
from transcriber.db.answers import Answer, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers.provider import Request

SAID = "my secret is nine"
LONG = " ".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(400))
FILES = 5
COMPLETED = "select count(*) from media_pipeline.transcriptions where status = 'completed'"
FAILURE = "select status, error from media_pipeline.transcription_failures"
WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""
CANCEL = """
    select pg_cancel_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""
CLAIMS = "select count(*) from media_pipeline.transcription_claims"


@dataclass(frozen=True)
class Refusal:
    """Something that integrators add to the tables, and a transcript that does not fit."""

    statement: str
    text: str
    sqlstate: str


REFUSALS = {
    "a check": Refusal(
        "alter table media_pipeline.transcriptions add check (transcript_text not like '%secret%')",
        SAID,
        "23514",
    ),
    "a trigger": Refusal(
        """
        create function refuse() returns trigger language plpgsql as $$
        begin
            if new.transcript_text like '%secret%' then
                raise exception 'refused: %', new.transcript_text;
            end if;
            return new;
        end $$;
        create trigger refuse before insert or update on media_pipeline.transcriptions
        for each row execute function refuse()
        """,
        SAID,
        "P0001",
    ),
    "a trigger with a code of its own": Refusal(
        """
        create function refuse() returns trigger language plpgsql as $$
        begin
            if new.transcript_text like '%secret%' then
                raise exception using errcode = '22023', message = new.transcript_text;
            end if;
            return new;
        end $$;
        create trigger refuse before update on media_pipeline.transcriptions
        for each row execute function refuse()
        """,
        SAID,
        "22023",
    ),
    "an index that is too narrow": Refusal(
        "create index on media_pipeline.transcriptions (transcript_text)", LONG, "54000"
    ),
    "a unique index": Refusal(
        "create unique index on media_pipeline.transcriptions (transcript_text);"
        "insert into media_pipeline.audio_files (url, url_sha1) values ('x', 'y');"
        "insert into media_pipeline.transcriptions (audio_file_id, transcript_text)"
        " select max(id), 'my secret is nine' from media_pipeline.audio_files",
        SAID,
        "23505",
    ),
}


def hear(content: bytes) -> str:
    """Return the words of a recording, for which its checksum stands here."""
    return hashlib.sha256(content).hexdigest()


def let_one_say(pipeline: Pipeline, name: str, text: str) -> None:
    """Let the provider hear this text in one recording, and words of their own in the others."""

    def answer(_number: int, request: Request) -> Reply:
        is_it = request.content == recording(name)
        return Reply(body={"text": text if is_it else hear(request.content)})

    pipeline.provider.answer = answer


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_transcript_fails_alone(pipeline: Pipeline, refusal: Refusal) -> None:
    pipeline.connection.execute(refusal.statement.encode())
    before = pipeline.one(COMPLETED)
    pipeline.add_many(FILES)
    let_one_say(pipeline, "call-3", refusal.text)
    code, printed = ended(pipeline.start("--concurrency", str(FILES)))
    assert "Traceback" not in printed
    assert (code, pipeline.one(COMPLETED) - before) == (1, FILES - 1)
    reason = f"PostgreSQL refuses the transcript (SQLSTATE {refusal.sqlstate})"
    assert pipeline.one(FAILURE) == ("permanent", reason)
    assert (len(pipeline.calls()), pipeline.one(CLAIMS)) == (FILES, 0)
    assert reason in printed
    assert "secret" not in printed


SETTINGS = {
    "no right to claim": (
        "revoke insert on media_pipeline.transcription_claims from worker",
        "permission denied for table transcription_claims",
    ),
    "no right to read": (
        "revoke select on media_pipeline.audio_files from worker",
        "permission denied for table audio_files",
    ),
    "a missing table": (
        "drop table media_pipeline.provider_pauses",
        "run `transcriber migrate` first",
    ),
    "a missing function": (
        "drop function media_pipeline.queue_entry",
        "run `transcriber migrate` first",
    ),
    "a missing view": (
        "drop view media_pipeline.file_states",
        "run `transcriber migrate` first",
    ),
    "read-only": (
        "alter role worker set default_transaction_read_only = on",
        "The database is read-only",
    ),
    "a time-out that no statement keeps": (
        "alter role worker set statement_timeout = '1ms'",
        "Raise statement_timeout for the role worker",
    ),
}


@pytest.fixture
def worker_role(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the worker connect with a role that may do what it must, and nothing else."""
    pipeline.connection.execute(
        """
        create role worker login password 'worker';
        grant usage on schema media_pipeline to worker;
        grant select, insert, update, delete on all tables in schema media_pipeline to worker;
        grant usage on all sequences in schema media_pipeline to worker
        """
    )
    monkeypatch.setenv("PGUSER", "worker")
    monkeypatch.setenv("PGPASSWORD", "worker")
    yield
    pipeline.connection.execute("drop owned by worker; drop role worker")


@pytest.mark.usefixtures("worker_role")
@pytest.mark.parametrize(("statement", "words"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_wrong_setting_is_said_in_one_line(
    pipeline: Pipeline, statement: str, words: str
) -> None:
    pipeline.add_many(FILES)
    pipeline.connection.execute(statement.encode())
    code, printed = ended(pipeline.start())
    *before, last = printed.splitlines()
    assert (code, last.startswith("Error: ")) == (2, True), printed
    assert all(line.startswith("waiting for the database: ") for line in before)
    assert words in last
    assert pipeline.calls() == []
    assert pipeline.one(CLAIMS) == 0


@pytest.mark.usefixtures("worker_role")
def test_a_right_that_is_taken_away_meanwhile_ends_the_run_and_releases(
    pipeline: Pipeline,
) -> None:
    pipeline.add_many(FILES)
    may_answer = pipeline.provider.hold_answers()
    worker = pipeline.start("--concurrency", str(FILES))
    until(lambda: len(pipeline.calls()) == FILES)
    pipeline.connection.execute("revoke update on media_pipeline.transcriptions from worker")
    may_answer.set()
    code, printed = ended(worker)
    assert code == 2
    assert "Traceback" not in printed
    assert "permission denied for table transcriptions" in printed
    assert "Grant it to the role worker" in printed
    assert pipeline.one(CLAIMS) == 0


def test_a_statement_that_times_out_once_is_repeated(pipeline: Pipeline) -> None:
    pipeline.add_many(FILES)
    may_answer = pipeline.provider.hold_answers()
    worker = pipeline.start("--concurrency", str(FILES))
    until(lambda: len(pipeline.calls()) == FILES)
    with psycopg.connect() as other:
        other.execute("lock table media_pipeline.transcriptions")
        may_answer.set()
        until(lambda: pipeline.one(WAITING) > 0)
        pipeline.connection.execute(CANCEL)
        until(lambda: pipeline.one(WAITING) > 0)
    assert ended(worker)[0] == 0
    assert (pipeline.one(COMPLETED), len(pipeline.calls())) == (FILES, FILES)


def test_a_database_that_cannot_hold_transcripts_is_refused(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("create database narrow template template0 encoding 'LATIN1' locale 'C'")
        try:
            monkeypatch.setenv("PGDATABASE", "narrow")
            with pytest.raises(MigrationError, match="the database's encoding is LATIN1"):
                migrate.apply()
        finally:
            connection.execute("drop database narrow (force)")


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (errors.ConnectionFailure, Answer.AWAY),
        (errors.AdminShutdown, Answer.AWAY),
        (errors.CrashShutdown, Answer.AWAY),
        (errors.CannotConnectNow, Answer.AWAY),
        (errors.TooManyConnections, Answer.AWAY),
        (errors.DiskFull, Answer.AWAY),
        (errors.DeadlockDetected, Answer.AWAY),
        (errors.SerializationFailure, Answer.AWAY),
        (errors.LockNotAvailable, Answer.AWAY),
        (errors.ReadOnlySqlTransaction, Answer.AWAY),
        (errors.QueryCanceled, Answer.AWAY),
        (errors.IoError, Answer.AWAY),
        (psycopg.OperationalError, Answer.AWAY),
        (psycopg.InterfaceError, Answer.AWAY),
        (errors.ForeignKeyViolation, Answer.RACED),
        (errors.CheckViolation, Answer.REFUSED),
        (errors.NotNullViolation, Answer.REFUSED),
        (errors.UniqueViolation, Answer.REFUSED),
        (errors.ExclusionViolation, Answer.REFUSED),
        (errors.UntranslatableCharacter, Answer.REFUSED),
        (errors.StringDataRightTruncation, Answer.REFUSED),
        (errors.ProgramLimitExceeded, Answer.REFUSED),
        (errors.RaiseException, Answer.REFUSED),
        (errors.WithCheckOptionViolation, Answer.REFUSED),
        (errors.InsufficientPrivilege, Answer.SETTING),
        (errors.UndefinedTable, Answer.SETTING),
        (errors.UndefinedColumn, Answer.SETTING),
        (errors.DatabaseDropped, Answer.SETTING),
        (errors.InvalidPassword, Answer.SETTING),
        (errors.FeatureNotSupported, Answer.SETTING),
    ],
)
def test_every_answer_has_one_fault(error: type[psycopg.Error], answer: Answer) -> None:
    assert judge(error()) is answer
