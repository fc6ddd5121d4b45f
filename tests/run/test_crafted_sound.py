"""A file that is made to cost much fails alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import crafted
from tests.support.database.catalogue import CLAIMS, COMPLETED

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline

FAILURE = "select audio_file_id, status, error from media_pipeline.transcription_failures"


def test_a_file_that_needs_gigabytes_fails_and_the_others_go_on(pipeline: Pipeline) -> None:
    bomb = pipeline.add("bomb", page=(200, "audio/mp4", crafted.mp4(80_000_000)))
    pipeline.add_many(5)
    assert pipeline.run().exit_code == 1
    reason = "not audio: it takes more than 1 GiB of memory to look into the file"
    assert pipeline.one(FAILURE) == (bomb, "permanent", reason)
    assert pipeline.one(COMPLETED) == 5
    assert pipeline.one(CLAIMS) == 0
