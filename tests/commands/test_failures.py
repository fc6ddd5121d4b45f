"""`transcriber failures`: which files failed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.support.operated_queue import OperatedQueue


def test_failures_are_listed_the_newest_first(queue: OperatedQueue) -> None:
    old = queue.fail("transient", "HTTP 503", code=503)
    new = queue.fail(code=None, error=None)
    queue.claim(queue.fail("transient", until=None))
    queue.connection.execute(
        "update media_pipeline.transcription_failures set attempts = 3,"
        " last_attempt_at = '2026-01-02 03:04:05+00' where audio_file_id = %s",
        [old],
    )
    found = queue.json("failures")["failures"]
    assert [each["audio_file_id"] for each in found] == [new + 1, new, old]
    assert found[2]["next_try_at"] is not None
    assert {**found[2], "next_try_at": None} == {
        "audio_file_id": old, "status": "transient", "code": 503, "attempts": 3,
        "last_attempt_at": "2026-01-02T03:04:05+00:00", "next_try_at": None, "is_claimed": False,
        "reason": "HTTP 503",
    }  # fmt: skip
    lines = queue.run("failures").stdout.splitlines()
    assert "  claimed  " in lines[1]
    assert lines[2].endswith("never       -") or lines[2].split()[-2:] == ["never", "-"]
    assert lines[3].endswith("HTTP 503")


def test_failures_can_be_chosen(queue: OperatedQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    transient = queue.fail("transient", campaign_name="Spring")
    permanent = queue.fail("permanent", campaign_name="Spring")
    autumn = queue.fail("permanent", campaign_name="Autumn")

    def ids(*options: str) -> list[int]:
        return [each["audio_file_id"] for each in queue.json("failures", *options)["failures"]]

    assert ids() == [autumn, permanent, transient]
    assert ids("--status", "transient") == [transient]
    assert ids("--campaign", "Spring") == [permanent, transient]
    assert ids("--campaign", "Spring", "--status", "permanent") == [permanent]
    assert ids("--limit", "1") == [autumn]
    monkeypatch.setenv("TRANSCRIBER_LIMIT", "1")  # It is for `run` alone.
    assert len(ids()) == 3
    assert "--limit shows more" in queue.run("failures", "--limit", "1").stdout
    reasons = queue.json("failures", "--summary", "--campaign", "Spring")["reasons"]
    assert sorted((each["status"], each["files"]) for each in reasons) == [
        ("permanent", 1),
        ("transient", 1),
    ]


def test_a_failure_left_at_a_completed_file_is_none(queue: OperatedQueue) -> None:
    file_id = queue.fail(state="completed")
    assert queue.json("failures") == {"failures": []}
    assert queue.json("failures", "--summary") == {"reasons": []}
    assert queue.json("status")["files"]["failed"] == 0
    assert queue.run("retry", file_id).stdout == "retried 0 files\n"


def test_infinite_times_are_shown(queue: OperatedQueue) -> None:
    queue.fail("transient")
    queue.claim(queue.add())
    queue.connection.execute(
        "update media_pipeline.transcription_failures set ignore_until = 'infinity'"
    )
    queue.connection.execute(
        "update media_pipeline.transcription_claims set expires_at = 'infinity'"
    )
    assert queue.json("status")["files"]["cooling_down"] == 1
    assert "9000-01-01" in queue.run("status").stdout
    assert "9000-01-01" in queue.run("failures").stdout
