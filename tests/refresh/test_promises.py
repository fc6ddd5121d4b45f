"""What dbt tests: the promises of a build, the audit of the night, and how fresh the source is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.database.catalogue import add_audio_file
from tests.support.refresh.dbt import generate_recordings

if TYPE_CHECKING:
    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt


def test_a_recording_that_is_neither_loaded_nor_listed_fails_the_build(
    source: Connection, dbt: Dbt
) -> None:
    generate_recordings(source, range(1, 6))
    dbt.run("build")
    source.execute("delete from media_pipeline.audio_files where source_row_id = 2")
    said = dbt.fail("test", "--select", "assert_every_recording_is_accounted_for")
    assert "Got 1 result" in said


def test_the_audit_finds_what_other_programs_break(source: Connection, dbt: Dbt) -> None:
    for number in range(1, 6):
        add_audio_file(source, f"https://vault.example.test/{number}.mp3")
    source.execute(
        """
        insert into media_pipeline.transcriptions (audio_file_id, status, transcript_text)
        values (1, 'completed', ''), (2, 'completed', null), (3, 'completed', 'Hello.'),
            (4, 'reviewed', 'Hello.');
        insert into media_pipeline.transcription_failures (audio_file_id, status)
        values (3, 'transient'), (4, 'permanent');
        update media_pipeline.audio_files set url_sha1 = upper(url_sha1) where id = 5;
        update media_pipeline.audio_files
        set phone = '+493023125001', index_in_phone = 7 where id = 4;
        alter table media_pipeline.transcriptions
        drop constraint transcriptions_audio_file_id_fkey;
        insert into media_pipeline.transcriptions (audio_file_id, status) values (99, 'pending');
        insert into recordings values (1, 'nobody', null, null, null)
        """
    )
    # Tests of the views end in an error here, because no build has made the views yet.
    dbt.fail("test", "--select", "tag:audit", "assert_no_transcription_is_orphaned")
    results = json.loads((dbt.folder / "target" / "run_results.json").read_text())["results"]
    assert {
        result["unique_id"].split(".")[2].partition("__")[0]: (result["status"], result["failures"])
        for result in results
        if result["status"] in ("fail", "warn")
    } == {
        "assert_no_transcription_is_orphaned": ("fail", 1),
        "assert_index_in_phone_follows_started": ("fail", 1),
        "assert_completed_files_have_a_transcript": ("warn", 1),
        "assert_completed_files_have_no_failure": ("warn", 1),
        "assert_url_sha1_is_of_the_url": ("warn", 1),
        "source_accepted_values_media_pipeline_transcriptions_status": ("warn", 1),
        "relationships_stg_recordings_contact_id": ("warn", 1),
    }


@pytest.mark.parametrize("column_type", ["text", "timestamp"])
def test_freshness_is_of_the_newest_call_that_has_begun(
    source: Connection, dbt: Dbt, column_type: str
) -> None:
    source.execute(
        """
        insert into recordings (id, started)
        select
            n,
            (now() at time zone 'Asia/Kolkata')::timestamp(0) - n * interval '1 day'
        from generate_series(5, 100) as n;
        insert into recordings (id, started) values (101, '2999-01-01')
        """
    )
    if column_type == "text":
        source.execute("insert into recordings (id, started) values (102, 'yesterday')")
    else:
        source.execute(
            """
            update recordings set started = now() at time zone 'Asia/Kolkata' where id = 7;
            alter table recordings alter column started type timestamp using started::timestamp
            """
        )
    dbt.run("source", "freshness", source_timezone="Asia/Kolkata")
    (result,) = json.loads((dbt.folder / "target" / "sources.json").read_text())["results"]
    hours = round(result["max_loaded_at_time_ago_in_s"] / 3600)
    expected = ("warn", 5 * 24) if column_type == "text" else ("pass", 0)
    assert (result["status"], hours) == expected
