"""`transcriber status`: the states of the files, the rate of the runs, and the pauses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.operated_queue import OperatedQueue


def test_each_file_counts_in_one_state(queue: OperatedQueue) -> None:
    queue.add(None)
    queue.add("pending")
    queue.fail("transient", until="-1 second")  # The next run takes this file.
    queue.claim(queue.add("pending"), ttl="-1 second")
    queue.claim(queue.add("pending"))
    queue.claim(queue.add("pending"), "other:2:cd", None)  # This claim never expires.
    queue.fail("transient", until="1 hour")
    queue.fail("transient", until="2 hours", state="pending")  # Somebody wrote it by hand.
    queue.fail("permanent")
    queue.complete(90)
    queue.add("translated")
    found = queue.json("status")
    assert found["files"] == {
        "total": 11, "not_queued": 1, "pending": 3, "claimed": 2, "cooling_down": 2, "failed": 1,
        "completed": 1, "other": 1,
    }  # fmt: skip
    wait = datetime.fromisoformat(found["next_try_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)
    assert found["audio_hours_left"] == 8 / 2
    assert found["audio_hours_done"] == 0.03
    workers = [(w["worker"], w["files"], w["expired_files"]) for w in found["workers"]]
    assert workers == [("host:1:ab", 2, 1), ("other:2:cd", 1, 0)]
    assert found["workers"][1]["expires_at"] is None


def test_the_states_are_those_of_the_view(queue: OperatedQueue) -> None:
    failures = [
        ("permanent", None),
        ("transient", "1 hour"),
        ("transient", "-1 hour"),
        (None, None),
    ]
    claims = ["1 hour", "-1 hour", None]
    for state in (None, "pending", "failed", "completed", "translated"):
        queue.add(state)
        for ttl in claims:
            queue.claim(queue.add(state), ttl=ttl)
        for status, until in failures:
            queue.fail(status, until=until, state=state)
            for ttl in claims:
                queue.claim(queue.fail(status, until=until, state=state), ttl=ttl)
    expected = queue.connection.execute(
        "select state, count(*) from media_pipeline.file_states group by state"
    )
    assert queue.json("status")["files"] == {"total": 100, **dict(expected.fetchall())}


@pytest.mark.parametrize("states", [[None], [None, "pending"], ["pending", None], ["failed"] * 2])
def test_new_files_are_found_wherever_they_are(
    queue: OperatedQueue, states: list[str | None]
) -> None:
    for state in states:
        queue.add(state)
    found = queue.json("status")
    assert found["files"]["total"] == len(states)
    assert found["files"]["not_queued"] == states.count(None)
    assert found["audio_hours_left"] == len(states) / 2


def test_the_rate_is_that_of_the_last_minutes(queue: OperatedQueue) -> None:
    for _ in range(3):
        queue.complete(1200, timedelta(minutes=5))
    for _ in range(4):
        queue.complete(1200, timedelta(minutes=15))
    for _ in range(36):
        queue.add()
    found = queue.json("status")
    assert found["rate"] == {"seconds": 600, "files_per_hour": 18, "audio_hours_per_hour": 6}
    eta = datetime.fromisoformat(found["eta"]) - datetime.fromisoformat(found["at"])
    assert eta == timedelta(hours=2)
    text = queue.run("status").stdout
    assert "18 files/h, 6.0 h of sound/h (last 10 minutes)" in text
    assert "in 2:00:00" in text


@pytest.mark.parametrize("seconds", [None, "60", {}, "NaN"], ids=str)
def test_audio_of_unknown_length_is_left_out(queue: OperatedQueue, seconds: Any) -> None:
    queue.complete(seconds)
    queue.add(duration_seconds=float("nan"))
    found = queue.json("status")
    assert (found["audio_hours_done"], found["audio_hours_left"]) == (0, 0)


def test_the_ten_most_frequent_reasons_are_shown(queue: OperatedQueue) -> None:
    for number in range(12):
        queue.fail(error=f"reason {number}")
    queue.fail(error="reason 11")
    queue.fail("transient", error="not for good")
    reasons = queue.json("status")["failed_by_reason"]
    assert len(reasons) == 10
    assert reasons[0] == {"status": "permanent", "code": 404, "reason": "reason 11", "files": 2}
    assert "not for good" not in str(reasons)


def test_the_status_says_all_that_matters(queue: OperatedQueue) -> None:
    queue.claim(queue.add(), ttl="-1 second")
    queue.pause()
    queue.lose_host()
    queue.fail(error="HTTP 410", code=410)
    lines = queue.run("status").stdout.splitlines()
    assert ["pending", "1"] in [line.split() for line in lines]
    assert ["failed", "for", "good", "1"] in [line.split() for line in lines]
    assert any(line.endswith("no file was completed lately") for line in lines)
    assert any(line.startswith("openai is paused since 2") for line in lines)
    assert "  fix the cause, then run: transcriber resume openai" in lines
    (away,) = [line for line in lines if line.startswith("away.example.test is away since 2")]
    assert away.endswith(": HTTP 503")
    assert any("the next try is at 2" in line for line in lines)
    assert any(line.startswith("host:1:ab") and line.endswith("1") for line in lines)
    assert lines[-1].split() == ["1", "permanent", "410", "HTTP", "410"]


def test_the_json_status_names_what_is_away(queue: OperatedQueue) -> None:
    queue.lose_host()
    (away,) = queue.json("status")["services_away"]
    assert (away["service"], away["reason"]) == ("away.example.test", "HTTP 503")
    assert away["since"] < away["next_try_at"]
