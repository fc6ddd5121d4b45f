"""`transcriber release` gives claims back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.operated_queue import OperatedQueue


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--expired"], [0, 2]),
        (["--worker", "host:1:ab"], [0, 1]),
        (["--worker", "host:1"], [0, 1]),
        (["--worker", "host"], [0, 1, 2]),
        (["--worker", "hos"], []),
        (["--worker", "host:_"], []),
        (["--worker", "host:12", "--expired"], [2]),
        (["--worker", "old-style"], [3]),
    ],
    ids=str,
)
def test_release_takes_the_chosen_claims(
    queue: OperatedQueue, options: list[str], expected: list[int]
) -> None:
    files = [
        queue.claim(queue.add(), "host:1:ab", "-1 second"),
        queue.claim(queue.add(), "host:1:ab", "1 hour"),
        queue.claim(queue.add(), "host:12:cd", "-1 second"),
        queue.claim(queue.add(), "old-style", None),
    ]
    before = queue.rows()
    total = f"{len(expected)} file{'' if len(expected) == 1 else 's'}"
    dry = queue.run("release", *options, "--dry-run").stdout
    assert dry.splitlines()[-1] == f"would release {total}"
    assert queue.rows() == before
    assert queue.run("release", *options).stdout == dry.replace("would release", "released")
    left = queue.connection.execute(
        "select audio_file_id from media_pipeline.transcription_claims order by 1"
    ).fetchall()
    assert [row[0] for row in left] == [
        file for number, file in enumerate(files) if number not in expected
    ]
