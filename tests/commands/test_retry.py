"""`transcriber retry` puts failed files back into the queue."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.wait import until
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.support.operated_queue import OperatedQueue

WAITING = """
    select exists (
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
    )
"""
CLAIMED = "insert into media_pipeline.transcription_claims values (%s, 'host:1:ab', now(), null)"
FAILED_ANEW = """
    update media_pipeline.transcription_failures
    set error = 'newer', last_attempt_at = clock_timestamp()
    where audio_file_id = %s
"""
DELETED = "delete from media_pipeline.audio_files where id = %s"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--transient"], [0, 1]),
        (["--permanent"], [2, 3]),
        (["--transient", "--permanent"], [0, 1, 2, 3]),
        (["--error", "TIMED out"], [0, 2]),
        (["--error", "100 %_"], [3]),
        (["--campaign", "Spring"], [0, 3]),
        (["--transient", "--campaign", "Spring"], [0]),
        (["--permanent", "--error", "timed out", "--campaign", "Autumn"], [2]),
        (["--permanent", "--campaign", "Winter"], []),
        (["0", "2"], [0, 2]),
        (["--permanent", "0", "2"], [2]),
        (["2", "2", "9999999"], [2]),
    ],
    ids=str,
)
def test_retry_puts_the_chosen_back(
    queue: OperatedQueue, options: list[str], expected: list[int]
) -> None:
    files = [
        queue.fail("transient", "the provider Timed Out", campaign_name="Spring"),
        queue.fail("transient", "HTTP 503", campaign_name="Autumn", until="-1 hour"),
        queue.fail("permanent", "it timed out", campaign_name="Autumn"),
        queue.fail("permanent", "at 100 %_ of it", campaign_name="Spring"),
    ]
    arguments = [str(files[int(each)]) if each in ("0", "2") else each for each in options]
    left = [file for number, file in enumerate(files) if number not in expected]
    before = queue.rows()

    dry = queue.run("retry", *arguments, "--dry-run").stdout
    plural = "" if len(expected) == 1 else "s"
    assert dry.endswith(f"would retry {len(expected)} file{plural}\n")
    shown = [int(line.split()[0]) for line in dry.splitlines()[1:-1]]
    assert sorted(shown) == [files[number] for number in expected]
    assert queue.rows() == before

    result = queue.run("retry", *arguments)
    assert result.stdout == f"retried {len(expected)} file{plural}\n"
    assert queue.failed_ids() == left
    states: dict[int, str] = dict(
        queue.connection.execute(
            "select audio_file_id, status || (metadata #>> '{queue,started}')"
            " from media_pipeline.transcriptions"
        ).fetchall()
    )
    assert states == {file: "failed17" if file in left else "pending17" for file in files}


def test_retry_leaves_files_in_work_alone(queue: OperatedQueue) -> None:
    held = queue.claim(queue.fail("transient", until="-1 second"))
    forever = queue.claim(queue.fail(), "other:1:ab", None)
    free = queue.claim(queue.fail(), ttl="-1 second")
    expected = ["retry 1 file", "left alone 2 files that a worker has claimed"]
    lines = queue.run("retry", held, forever, free, "--dry-run").stdout.splitlines()
    assert lines[-2:] == [f"would {expected[0]}", expected[1]]
    lines = queue.run("retry", held, forever, free).stdout.splitlines()
    assert lines == ["retried 1 file", expected[1]]
    assert queue.failed_ids() == [held, forever]


def test_retry_needs_no_place_in_the_queue(queue: OperatedQueue) -> None:
    file_id = queue.fail()
    queue.connection.execute("delete from media_pipeline.transcriptions")
    assert queue.run("retry", file_id).stdout == "retried 1 file\n"
    assert queue.failed_ids() == []


def meanwhile(
    queue: OperatedQueue, change: str, command: Callable[[], Result], file_id: int
) -> None:
    """Run a command while another transaction has locked the file, which it then changes."""
    results: list[Result] = []
    with psycopg.connect() as other:
        other.execute(
            "select from media_pipeline.transcriptions where audio_file_id = %s for no key update",
            [file_id],
        )
        waiting = threading.Thread(target=lambda: results.append(command()))
        waiting.start()
        until(lambda: queue.one(WAITING))
        other.execute(change.encode(), [file_id])
    waiting.join(10)
    assert len(results) == 1


@pytest.mark.parametrize(
    ("change", "is_left"), [(CLAIMED, True), (FAILED_ANEW, True), (DELETED, False)], ids=str
)
def test_retry_heeds_what_happens_while_it_waits(
    queue: OperatedQueue, change: str, *, is_left: bool
) -> None:
    queue.fail("transient")
    changed = queue.fail("transient")
    meanwhile(queue, change, lambda: queue.run("retry", "--transient"), changed)
    assert queue.failed_ids() == ([changed] if is_left else [])


def test_a_finished_file_is_not_put_back(queue: OperatedQueue) -> None:
    file_id = queue.fail("transient")
    change = "update media_pipeline.transcriptions set status = 'completed' where audio_file_id=%s"
    meanwhile(queue, change, lambda: queue.run("retry", file_id), file_id)
    assert queue.one("select status from media_pipeline.transcriptions") == "completed"


def test_files_are_locked_in_the_order_of_their_ids(queue: OperatedQueue) -> None:
    files = [queue.fail("transient") for _ in range(100)]
    # PostgreSQL writes the updated rows behind the others, so that rows no longer lie by their ids.
    queue.connection.execute(
        "update media_pipeline.transcriptions set metadata = metadata where id % 2 = 0"
    )
    stop = threading.Event()
    errors: list[psycopg.Error] = []

    def lock_as_a_worker_does() -> None:
        with psycopg.connect() as other:
            while not stop.is_set():
                try:
                    for file_id in files:
                        other.execute(
                            query("operate/lock_transcriptions"), {"audio_file_ids": [file_id]}
                        )
                except psycopg.Error as error:
                    errors.append(error)
                other.rollback()

    worker = threading.Thread(target=lock_as_a_worker_does)
    worker.start()
    for _ in range(5):
        assert queue.run("retry", "--transient").stdout == "retried 100 files\n"
        queue.connection.execute(
            "insert into media_pipeline.transcription_failures (audio_file_id, status)"
            " select audio_file_id, 'transient' from media_pipeline.transcriptions"
        )
    stop.set()
    worker.join()
    assert errors == []
