"""Every statement of the handover guide, sent twice as an integrator's program sends it.

Other programs read and write the tables with the statements of that guide, which lie in
tests/data/handover. The numbers in the tests' names are its sections.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.support.database.catalogue import url_sha1
from tests.support.database.handover import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    Integrator = psycopg.Connection[dict[str, Any]]

URL = "https://vault.example.test/vr/PR_11111111-2222-3333-4444-555555555555.mp3"
RESET = "TRUNCATE media_pipeline.transcriptions, media_pipeline.audio_files RESTART IDENTITY;"

# The example of a call that an agent inserts, in section 7 of the guide.
PAYLOAD = {
    "phone": "+493023125000",
    "campaign_name": "outbound campaigns",
    "recording_id": "PR_11111111-2222-3333-4444-555555555555",
    "url": URL,
    "url_sha1": url_sha1(URL),
    "started": "2024-10-31T10:57:01.569Z",
    "stopped": "2024-10-31T10:59:39.488Z",
    "duration_seconds": 157.919,
    "source_table": "public.recordings",
    "source_row_id": 123456,
}
# All columns of the guide's insert, for a program that knows none of them.
UNKNOWN = dict.fromkeys(
    (
        "phone", "campaign_name", "recording_id", "content_sha256", "started", "stopped",
        "duration_seconds", "index_in_phone", "b2_object_key", "local_path", "file_size_bytes",
        "source_table", "source_row_id",
    )
)  # fmt: skip
TRANSCRIPTION = {
    "provider": "OpenAI",
    "model": "gpt-4o-mini-transcribe",
    "status": "completed",
    "completed_at": datetime(2024, 11, 1, tzinfo=UTC),
    "transcript_text": "Hello, it's 100 % me :name.",
    "segments": '[{"start": 0.0, "end": 1.5, "text": "Hello"}]',
    "diarization": None,
    "metadata": '{"language": "en"}',
    "raw_response": '{"text": "Hello"}',
    "b2_transcript_key": None,
}


@pytest.fixture(params=[psycopg.Cursor, psycopg.ClientCursor], ids=["server", "client"])
def integrator(database: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Integrator]:
    """Connect as other programs do: the server binds the parameters, or the client does."""
    with psycopg.connect(
        autocommit=True,
        dbname=database["PGDATABASE"],
        cursor_factory=request.param,
        row_factory=dict_row,
    ) as connection:
        yield connection


def send(connection: Integrator, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Send a statement of the guide; return its rows."""
    cursor = connection.execute(statement(name), parameters)
    return cursor.fetchall() if cursor.description else []


def table(connection: Integrator, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    query = f"select * from media_pipeline.{name} order by 1"  # noqa: S608
    return connection.execute(query).fetchall()


def add_audio_file(connection: Integrator, number: int = 0) -> int:
    """Insert an audio file with the guide's statement; return its id."""
    (row,) = send(
        connection,
        "insert_audio_file",
        **{**UNKNOWN, "url": f"u{number}", "url_sha1": f"s{number}"},
    )
    return int(row["id"])


def test_3_2_an_audio_file_is_inserted_once(integrator: Integrator) -> None:
    first = send(integrator, "insert_audio_file", **{**UNKNOWN, **PAYLOAD})
    again = send(integrator, "insert_audio_file", **{**UNKNOWN, **PAYLOAD})

    assert (first, again) == ([{"id": 1}], [])
    (row,) = table(integrator, "audio_files")
    assert row["started"] == datetime(2024, 10, 31, 10, 57, 1, 569000, tzinfo=UTC)
    assert {name: row[name] for name in PAYLOAD if name not in {"started", "stopped"}} == {
        name: value for name, value in PAYLOAD.items() if name not in {"started", "stopped"}
    }


def test_3_2_only_url_and_url_sha1_are_required(integrator: Integrator) -> None:
    assert [add_audio_file(integrator, number) for number in (1, 2)] == [1, 2]

    for missing in ("url", "url_sha1"):
        with pytest.raises(psycopg.errors.NotNullViolation, match=f'"{missing}"'):
            send(integrator, "insert_audio_file", **{**UNKNOWN, **PAYLOAD, missing: None})
    assert [row["recording_id"] for row in table(integrator, "audio_files")] == [None, None]


@pytest.mark.parametrize("fallback", ["", "_without_raw_response"])
def test_3_3_a_transcription_is_inserted_then_updated(
    integrator: Integrator, fallback: str
) -> None:
    name = f"upsert_transcription{fallback}"
    audio_file_id = add_audio_file(integrator)

    send(integrator, name, audio_file_id=audio_file_id, **TRANSCRIPTION)
    (first,) = table(integrator, "transcriptions")
    changed = {**TRANSCRIPTION, "transcript_text": "Hello again", "model": "whisper-1"}
    send(integrator, name, audio_file_id=audio_file_id, **changed)
    (second,) = table(integrator, "transcriptions")

    assert first["transcript_text"] == TRANSCRIPTION["transcript_text"]
    assert first["segments"] == [{"start": 0.0, "end": 1.5, "text": "Hello"}]
    assert first["raw_response"] == (None if fallback else {"text": "Hello"})
    assert second == {**first, "transcript_text": "Hello again", "model": "whisper-1"}


def test_3_3_the_fallback_leaves_a_raw_response_alone(integrator: Integrator) -> None:
    audio_file_id = add_audio_file(integrator)
    send(integrator, "upsert_transcription", audio_file_id=audio_file_id, **TRANSCRIPTION)
    send(
        integrator,
        "upsert_transcription_without_raw_response",
        audio_file_id=audio_file_id,
        **TRANSCRIPTION,
    )

    (row,) = table(integrator, "transcriptions")
    assert row["raw_response"] == {"text": "Hello"}


def test_3_3_json_may_be_bound_as_json(integrator: Integrator) -> None:
    bound = {**TRANSCRIPTION, "metadata": Jsonb({"language": "en"})}
    send(integrator, "upsert_transcription", audio_file_id=add_audio_file(integrator), **bound)

    assert table(integrator, "transcriptions")[0]["metadata"] == {"language": "en"}


@pytest.mark.parametrize("status", ["transient", "permanent"])
def test_3_4_a_failure_counts_its_attempts(integrator: Integrator, status: str) -> None:
    failure = {
        "audio_file_id": add_audio_file(integrator),
        "provider": "OpenAI",
        "model": "whisper-1",
        "status": status,
        "error_code": 503,
        "error": "busy",
        "cooldown_minutes": 30,
    }

    send(integrator, "upsert_failure", **failure)
    (first,) = table(integrator, "transcription_failures")
    send(integrator, "upsert_failure", **{**failure, "error": "still busy"})
    (second,) = table(integrator, "transcription_failures")

    assert (first["attempts"], second["attempts"]) == (1, 2)
    assert (first["error"], second["error"]) == ("busy", "still busy")
    assert second["last_attempt_at"] > first["last_attempt_at"]
    if status == "permanent":
        assert second["ignore_until"] is None
    else:
        assert (second["ignore_until"] - second["last_attempt_at"]).total_seconds() == 30 * 60


def test_3_5_a_claim_is_won_once_and_released(integrator: Integrator) -> None:
    audio_file_id = add_audio_file(integrator)

    for worker in ("one", "two"):
        send(integrator, "claim", audio_file_id=audio_file_id, claimed_by=worker, ttl=15)
    (claim,) = table(integrator, "transcription_claims")
    assert claim["claimed_by"] == "one"
    assert (claim["expires_at"] - claim["claimed_at"]).total_seconds() == 15 * 60

    for _ in range(2):
        send(integrator, "release", audio_file_id=audio_file_id)
        assert table(integrator, "transcription_claims") == []


@pytest.mark.parametrize(
    ("url", "recording_id"),
    [(URL, PAYLOAD["recording_id"]), ("https://vault.example.test/a.mp3", None)],
)
def test_3_4_a_recording_id_is_derived(
    integrator: Integrator, url: str, recording_id: str | None
) -> None:
    assert send(integrator, "extract_recording_id", url=url) == [{"regexp_match": recording_id}]


def create_sources(connection: Integrator) -> None:
    """Create the source tables, and digest() where the server has no pgcrypto."""
    connection.execute("""
        create table public.contacts ("$id" text primary key, "$phone" text, "$campaign_id" text);
        create table public.recordings (
            id bigint primary key, contact_id text references public.contacts,
            location text, started text, stopped text
        );
        insert into public.contacts values
            ('one', ' +49 30 23125-000 ', 'CAMPAIGN1'),
            ('two', '+49 (30) 23125 111', 'CAMPAIGN8'),
            ('no phone', null, 'CAMPAIGN1'),
            ('elsewhere', '+49 30 23125 222', 'CAMPAIGN9');
        insert into public.recordings
        select
            i, (array['one', 'two', 'no phone', 'elsewhere'])[1 + i / 2 % 4],
            'https://vault.example.test/vr/PR_' || i / 2 || '.mp3',
            timestamptz '2024-10-31 10:00Z' - i * interval '1 hour',
            timestamptz '2024-10-31 10:00Z' - i * interval '1 hour' + interval '90.5 s'
        from generate_series(1, 100) as i;
        do $do$
        begin
            if not exists (select from pg_available_extensions where name = 'pgcrypto') then
                create function public.digest(text, text) returns bytea language sql immutable
                as 'select decode(media_pipeline.url_sha1($1), ''hex'')';
            end if;
        end
        $do$
    """)


def test_4_the_backfill_loads_each_url_once(integrator: Integrator) -> None:
    create_sources(integrator)

    integrator.execute(statement("backfill"))
    first = table(integrator, "audio_files")
    integrator.execute(statement("backfill"))

    assert table(integrator, "audio_files") == first
    # There are 51 URLs, most of them under two recordings. The backfill loads those of the two
    # contacts that have a phone and a selected campaign.
    assert len(first) == 26
    assert {row["phone"] for row in first} == {"+493023125000", "+493023125111"}
    for row in first:
        assert row["url_sha1"] == url_sha1(row["url"])
        assert row["recording_id"] == row["url"].rpartition("/")[2].removesuffix(".mp3")
        assert row["duration_seconds"] == 90.5
    for phone in ("+493023125000", "+493023125111"):
        calls = sorted((row for row in first if row["phone"] == phone), key=lambda r: r["started"])
        assert [call["index_in_phone"] for call in calls] == [*range(1, len(calls) + 1)]


def test_5_the_read_queries_answer(integrator: Integrator) -> None:
    create_sources(integrator)
    integrator.execute(statement("backfill"))
    files = table(integrator, "audio_files")

    for _ in range(2):
        log = send(integrator, "call_log")
        assert [(row["phone"], row["started"]) for row in log] == sorted(
            (row["phone"], row["started"]) for row in files
        )
        by_phone = send(integrator, "calls_by_phone")
        assert [row["phone"] for row in by_phone] == ["+493023125000", "+493023125111"]
        assert sum(row["total_recordings"] for row in by_phone) == len(files)
        assert by_phone[0]["recording_urls"].split("\n") == [
            row["location"] for row in log if row["phone"] == "+493023125000"
        ]
        assert send(integrator, "orphans") == [{"orphan_transcriptions": 0}]


def test_6_deleting_an_audio_file_deletes_what_hangs_on_it(integrator: Integrator) -> None:
    audio_file_id = add_audio_file(integrator)
    send(integrator, "upsert_transcription", audio_file_id=audio_file_id, **TRANSCRIPTION)
    send(integrator, "claim", audio_file_id=audio_file_id, claimed_by="one", ttl=15)

    integrator.execute("delete from media_pipeline.audio_files")

    assert table(integrator, "transcriptions") == table(integrator, "transcription_claims") == []


def test_6_the_reset_of_two_tables_fails_as_on_the_handovers_own(
    integrator: Integrator, empty_database: dict[str, str]
) -> None:
    with psycopg.connect(autocommit=True, dbname=empty_database["PGDATABASE"]) as theirs:
        theirs.execute(statement("tables"))
        with pytest.raises(psycopg.errors.FeatureNotSupported) as expected:
            theirs.execute(RESET)

    with pytest.raises(psycopg.errors.FeatureNotSupported) as found:
        integrator.execute(RESET)

    assert str(found.value) == str(expected.value)
    assert "cannot truncate a table referenced in a foreign key" in str(found.value)


def test_6_the_reset_of_all_four_tables_works(integrator: Integrator) -> None:
    for _ in range(2):
        assert add_audio_file(integrator) == 1
        send(integrator, "claim", audio_file_id=1, claimed_by="one", ttl=15)
        integrator.execute(
            "TRUNCATE media_pipeline.transcriptions, media_pipeline.transcription_failures,"
            " media_pipeline.transcription_claims, media_pipeline.audio_files RESTART IDENTITY;"
        )
        assert table(integrator, "audio_files") == []


def test_6_claims_and_cooldowns_are_cleared(integrator: Integrator) -> None:
    for number, status in enumerate(("transient", "permanent"), 1):
        audio_file_id = add_audio_file(integrator, number)
        send(integrator, "claim", audio_file_id=audio_file_id, claimed_by="one", ttl=15)
        integrator.execute(
            "insert into media_pipeline.transcription_failures (audio_file_id, status)"
            " values (%s, %s)",
            [audio_file_id, status],
        )

    for _ in range(2):
        integrator.execute("DELETE FROM media_pipeline.transcription_claims;")
        integrator.execute(
            "DELETE FROM media_pipeline.transcription_failures WHERE status='transient';"
        )
        assert table(integrator, "transcription_claims") == []
        (left,) = table(integrator, "transcription_failures")
        assert left["status"] == "permanent"


def test_7_an_agent_inserts_transcribes_and_reprocesses(integrator: Integrator) -> None:
    (inserted,) = send(integrator, "insert_audio_file", **{**UNKNOWN, **PAYLOAD})
    for text in ("first", "second"):
        assert send(integrator, "insert_audio_file", **{**UNKNOWN, **PAYLOAD}) == []
        send(
            integrator,
            "upsert_transcription",
            audio_file_id=inserted["id"],
            **{**TRANSCRIPTION, "transcript_text": text},
        )

    (row,) = table(integrator, "transcriptions")
    assert (row["audio_file_id"], row["transcript_text"]) == (inserted["id"], "second")
