"""Transcripts on their way back to the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.clock import settle
from tests.support.queue import completion_of
from transcriber.db.answers import RefusedError
from transcriber.queue.jobs import Job, RetryPolicy
from transcriber.worker.failures import Failures
from transcriber.worker.leases import Flight, Leases
from transcriber.worker.outcome import Completed, Event, Failed, Lost
from transcriber.worker.writer import LARGEST_WRITE, Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transcriber.core.verdicts import FileFailure
    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import Completion

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ClaimsInMemory:
    """The writes of `Claims`, with what somebody else does to the files in between."""

    claim_ttl = 60.0

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.stored: set[int] = set()
        self.not_ours: set[int] = set()
        self.refused: set[int] = set()
        self.newer: dict[int, Flight] = {}
        self.is_broken = False
        self.is_fail_broken = False
        self.breaks_after: int | None = None

    async def complete(self, completions: Sequence[Completion]) -> set[str]:
        """Store what is ours under the claim that it is written with."""
        if self.is_broken or len(self.batches) == self.breaks_after:
            raise ConnectionError
        ids = {each.job.audio_file_id for each in completions}
        if ids & self.refused:
            raise RefusedError("23514")
        self.batches.append(len(completions))
        for audio_file_id in ids & self.newer.keys():  # claimed anew while it is being written
            flight = self.newer.pop(audio_file_id)
            flight.hold(replace(flight.job, claimed_at=NOW + timedelta(seconds=1)), 0.0)
            self.not_ours.add(audio_file_id)
        written = [each for each in completions if self._is_ours(each.job)]
        self.stored |= {each.job.audio_file_id for each in written}
        return {each.result_id for each in written}

    def _is_ours(self, job: Job) -> bool:
        return job.audio_file_id not in self.not_ours or job.claimed_at > NOW

    async def fail(self, job: Job, failure: FileFailure, policy: RetryPolicy) -> str:
        """Record a failure."""
        del job, policy
        if self.is_fail_broken:
            raise ConnectionError
        return "permanent" if failure.permanent else "transient"


class Scene:
    """A writer with flights that are done."""

    def __init__(self, files: int) -> None:
        self.claims = ClaimsInMemory()
        self.events: list[Event] = []
        claims = cast("Claims", self.claims)
        leases = Leases(claims, self.events.append)
        failures = Failures(claims, leases, RetryPolicy(), self.events.append)
        self.leases = leases
        self.writer = Writer(claims, leases, failures, self.events.append)
        jobs = [Job(n, f"url {n}", f"sha1 {n}", NOW) for n in range(files)]
        self.flights = [*leases.take(jobs, asked_at=0.0)]
        for flight in self.flights:
            self.writer.add(flight, completion_of(flight.job))

    def told(self, kind: type[Event]) -> list[int]:
        """Return the ids in the events of a kind."""
        return [each.audio_file_id for each in self.events if isinstance(each, kind)]  # type: ignore[union-attr]


def test_what_is_ready_together_is_written_together_within_a_bound() -> None:
    async def scenario() -> None:
        assert not Scene(2 * LARGEST_WRITE).writer.is_behind
        scene = Scene(2 * LARGEST_WRITE + 7)
        assert scene.writer.is_behind
        await scene.writer.write()
        assert scene.claims.batches == [LARGEST_WRITE, LARGEST_WRITE, 7]
        assert len(scene.told(Completed)) == 2 * LARGEST_WRITE + 7
        assert (len(scene.leases), scene.writer.is_behind) == (0, False)

    asyncio.run(scenario())


def test_what_is_somebody_elses_is_told_and_let_go() -> None:
    async def scenario() -> None:
        scene = Scene(3)
        scene.claims.not_ours = {1}
        await scene.writer.write()
        assert (scene.told(Completed), scene.told(Lost)) == ([0, 2], [1])
        assert len(scene.leases) == 0

    asyncio.run(scenario())


def test_a_job_that_was_claimed_anew_is_written_under_its_newer_claim() -> None:
    async def scenario() -> None:
        scene = Scene(3)
        scene.claims.newer = {1: scene.flights[1]}
        await scene.writer.write()
        assert scene.claims.batches == [3, 1]
        assert sorted(scene.told(Completed)) == [0, 1, 2]
        assert scene.told(Lost) == []

    asyncio.run(scenario())


def test_what_could_not_be_written_stays_and_is_written_later() -> None:
    async def scenario() -> None:
        scene = Scene(3)
        scene.claims.is_broken = True
        with pytest.raises(ConnectionError):
            await scene.writer.write()
        assert (len(scene.leases), scene.events) == (3, [])
        scene.claims.is_broken = False
        await scene.writer.write()
        assert scene.told(Completed) == [0, 1, 2]

    asyncio.run(scenario())


def test_a_refused_batch_is_written_one_by_one() -> None:
    async def scenario() -> None:
        scene = Scene(5)
        scene.claims.refused = {1, 3}
        await scene.writer.write()
        assert scene.claims.batches == [1, 1, 1]
        assert scene.told(Completed) == [0, 2, 4]
        reason = "PostgreSQL refuses the transcript (SQLSTATE 23514)"
        failed = [each for each in scene.events if isinstance(each, Failed)]
        assert failed == [Failed(1, "permanent", reason), Failed(3, "permanent", reason)]
        assert len(scene.leases) == 0

    asyncio.run(scenario())


def test_an_error_after_a_refused_transcript_keeps_those_that_are_not_written() -> None:
    async def scenario() -> None:
        scene = Scene(4)
        scene.claims.refused = {0}
        scene.claims.breaks_after = 1
        with pytest.raises(ConnectionError):
            await scene.writer.write()
        assert (scene.told(Failed), scene.told(Completed)) == ([0], [1])
        scene.claims.breaks_after = None
        await scene.writer.write()
        assert scene.told(Completed) == [1, 2, 3]

    asyncio.run(scenario())


def test_a_writer_wakes_when_there_is_something_to_write() -> None:
    async def scenario() -> None:
        scene = Scene(0)
        writing = asyncio.create_task(scene.writer.keep_writing())
        (flight,) = scene.leases.take([Job(1, "url", "sha1", NOW)], asked_at=0.0)
        scene.writer.add(flight, completion_of(flight.job))
        await settle()
        assert scene.told(Completed) == [1]
        writing.cancel()

    asyncio.run(scenario())


def test_a_refusal_that_cannot_be_recorded_loses_no_other_transcript() -> None:
    async def scenario() -> None:
        scene = Scene(3)
        scene.claims.refused = {0}
        scene.claims.is_fail_broken = True
        with pytest.raises(ConnectionError):
            await scene.writer.write()
        scene.claims.is_fail_broken = False
        await scene.writer.write()
        assert scene.told(Completed) == [1, 2]
        assert scene.told(Failed) == [0]

    asyncio.run(scenario())
