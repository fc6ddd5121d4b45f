"""What becomes of a file whose claim expires, is deleted or is taken over during the call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.database.catalogue import CLAIMS, COMPLETED, DELETE_CLAIMS
from tests.support.pipeline import Pipeline, ended
from tests.support.servers.provider import Answer
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.support.pipeline import Process


def start_a_call(pipeline: Pipeline, *options: str, seconds: float) -> Process:
    """Start a worker on a file; return it during its call, which takes that many seconds."""
    pipeline.add()
    pipeline.provider.answer_with(Answer(delay=seconds))
    worker = pipeline.start(*options)
    until(pipeline.calls)
    return worker


def test_files_of_a_killed_worker_are_taken_over(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, "--claim-ttl", "1.5", seconds=30)
    worker.kill()
    pipeline.provider.answer_with(Answer())
    assert pipeline.run().stdout.startswith("Nothing") or pipeline.one(CLAIMS) == 1
    until(
        lambda: pipeline.one("select expires_at < now() from media_pipeline.transcription_claims")
    )
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 1


def test_a_claim_outlives_a_file_longer_than_its_ttl(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, "--claim-ttl", "1", seconds=3)
    time.sleep(1.5)
    assert pipeline.run().exit_code == 0  # This worker finds no file that it may take over.
    assert ended(worker, 10)[0] == 0
    assert len(pipeline.calls()) == 1


def test_a_result_is_kept_when_its_claim_was_deleted_by_hand(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, seconds=1)
    pipeline.connection.execute(DELETE_CLAIMS)
    assert ended(worker, 10)[0] == 0
    assert pipeline.one(COMPLETED) == 1


def test_a_result_is_discarded_when_another_took_the_file(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, seconds=1)
    pipeline.connection.execute(
        "update media_pipeline.transcription_claims set claimed_by = 'another', claimed_at = now()"
    )
    output, _ = worker.communicate(timeout=10)
    assert "taken over or changed by somebody else" in output
    assert pipeline.one(COMPLETED) == 0
    assert pipeline.one("select claimed_by from media_pipeline.transcription_claims") == "another"


def test_a_lost_claim_ends_the_work_on_it(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, "--claim-ttl", "1", seconds=20)
    pipeline.connection.execute(
        "update media_pipeline.transcription_claims"
        " set claimed_by = 'another', expires_at = now() + interval '1 hour'"
    )
    began = time.monotonic()
    output, _ = worker.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert "taken over or changed by somebody else" in output


def test_a_file_deleted_meanwhile_is_no_failure(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, seconds=1)
    pipeline.connection.execute("delete from media_pipeline.audio_files")
    output, errors = worker.communicate(timeout=10)
    assert worker.returncode == 0, errors
    assert "taken over" in output


def test_no_transaction_is_open_while_a_provider_is_awaited(pipeline: Pipeline) -> None:
    worker = start_a_call(pipeline, seconds=1)
    time.sleep(0.2)
    open_transactions = pipeline.one(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and xact_start is not null"
        " and pid != pg_backend_pid() and backend_type = 'client backend'"
    )
    worker.communicate(timeout=10)
    assert open_transactions == 0
