"""Claims that a worker holds, by a clock that stands still until the test moves it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.clock import MovableClock, settle
from transcriber.core.verdicts import LostClaim
from transcriber.queue.jobs import Job, Renewed
from transcriber.worker.leases import SHARE_TO_CONFIRM, Flight, Leases, Phase
from transcriber.worker.outcome import Event, Lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transcriber.queue.claims import Claims

TTL = 60.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ClaimsInMemory:
    """The renewals of `Claims`, with what somebody else does to the claims in between."""

    claim_ttl = TTL

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.renewed_at: list[float] = []
        self.lost: set[int] = set()
        self.gone: set[int] = set()
        self.moved: dict[int, int] = {}
        self.seconds_to_answer = 0.0

    async def renew(self, jobs: Sequence[Job]) -> Renewed:
        """Prolong what is neither lost nor gone."""
        self.renewed_at.append(self.clock.now())
        renewed = Renewed(
            kept={
                job.url_sha1: replace(
                    job, audio_file_id=self.moved.get(job.audio_file_id, job.audio_file_id)
                )
                for job in jobs
                if job.audio_file_id not in self.lost | self.gone
            },
            gone={job.url_sha1 for job in jobs if job.audio_file_id in self.gone},
        )
        await self.clock.sleep(self.seconds_to_answer)
        return renewed


class Prepared:
    """What a file is prepared as."""

    is_closed = False

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


class Scene:
    """Leases, and who hears of them."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.claims = ClaimsInMemory(self.clock)
        self.events: list[Event] = []
        self.leases = Leases(cast("Claims", self.claims), self.events.append, self.clock)

    def take(self, *ids: int, url: str = "url", seconds: float = 0.0) -> list[Flight]:
        """Hold files that were claimed now."""
        claimed_at = NOW + timedelta(seconds=seconds)
        jobs = [Job(n, f"{url} {n}", f"{url} sha1 {n}", claimed_at) for n in ids]
        return [*self.leases.take(jobs, self.leases.now())]


def test_claims_are_renewed_at_a_third_of_their_life() -> None:
    async def scenario() -> None:
        scene = Scene()
        began = scene.clock.now()
        (flight,) = scene.take(1)
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await scene.clock.move(2 * TTL + 1)
        renewing.cancel()
        assert [moment - began for moment in scene.claims.renewed_at] == [20, 40, 60, 80, 100, 120]
        assert flight.valid_until == scene.claims.renewed_at[-1] + TTL

    asyncio.run(scenario())


def test_a_renewed_lease_counts_from_the_question_not_from_the_answer() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        scene.claims.seconds_to_answer = 10
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await scene.clock.move(TTL / 3 + 10)
        renewing.cancel()
        assert flight.valid_until == scene.claims.renewed_at[0] + TTL

    asyncio.run(scenario())


def test_a_renewal_says_nothing_about_a_claim_that_was_made_while_it_ran() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        scene.claims.lost = {1}
        scene.claims.seconds_to_answer = 10
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await scene.clock.move(TTL / 3 + 5)
        assert scene.take(1, seconds=5) == []
        await scene.clock.move(5)
        renewing.cancel()
        assert (scene.events, flight.is_dropped, len(scene.leases)) == ([], False, 1)

    asyncio.run(scenario())


def test_a_lost_claim_ends_the_block_but_not_the_task() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        flight.prepared = prepared = Prepared()
        steps = []

        async def work() -> None:
            with scene.leases.working_on(flight):
                steps.append("begun")
                await asyncio.Event().wait()
                steps.append("never reached")
            steps.append("next file")
            await asyncio.sleep(0)
            steps.append("and on")

        task = asyncio.create_task(work())
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await settle()
        scene.claims.lost = {1}
        scene.leases.changed.clear()
        await scene.clock.move(TTL / 3)
        renewing.cancel()
        await task
        assert steps == ["begun", "next file", "and on"]
        assert scene.events == [Lost(1)]
        assert (len(scene.leases), flight.is_dropped, prepared.is_closed) == (0, True, True)
        assert scene.leases.changed.is_set()

    asyncio.run(scenario())


def test_a_cancelled_task_ends_although_its_file_is_dropped() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)

        async def work() -> None:
            with scene.leases.working_on(flight):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await settle()
        scene.leases.drop_all(Phase.AHEAD)
        task.cancel()
        await settle()
        assert task.cancelled()

    asyncio.run(scenario())


def test_a_swallowed_cancellation_comes_again() -> None:
    """`asyncio.wait_for` of Python 3.11 may lose one that arrives together with an answer."""

    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        swallowed = 0

        async def work() -> str:
            nonlocal swallowed
            with scene.leases.working_on(flight):
                while swallowed < 3:
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        swallowed += 1
                await asyncio.Event().wait()
            return "ended"

        task = asyncio.create_task(work())
        await settle()
        scene.leases.drop_all(Phase.AHEAD)
        assert await task == "ended"
        assert swallowed == 3

    asyncio.run(scenario())


def test_a_claim_is_renewed_before_paying_only_when_little_of_its_life_is_left() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        await scene.clock.move((1 - SHARE_TO_CONFIRM) * TTL - 1)
        await scene.leases.confirm(flight)
        assert scene.claims.renewed_at == []
        await scene.clock.move(1)
        await scene.leases.confirm(flight)
        assert scene.claims.renewed_at == [scene.clock.now()]

    asyncio.run(scenario())


def test_a_renewal_whose_answer_came_too_late_is_repeated_before_paying() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        await scene.clock.move(TTL)
        scene.claims.seconds_to_answer = TTL
        confirming = asyncio.create_task(scene.leases.confirm(flight))
        await scene.clock.move(1)
        scene.claims.seconds_to_answer = 0
        await scene.clock.move(TTL)
        assert confirming.done()
        assert len(scene.claims.renewed_at) == 2

    asyncio.run(scenario())


def test_a_claim_is_renewed_before_paying_when_the_process_was_frozen() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        await scene.clock.move(10 * TTL)
        await scene.leases.confirm(flight)
        assert flight.valid_until == scene.clock.now() + TTL

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["lost", "gone"])
def test_nothing_is_paid_for_a_claim_that_cannot_be_renewed(what: str) -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        flight.phase = Phase.IN_SLOT
        setattr(scene.claims, what, {1})
        await scene.clock.move(TTL)
        with pytest.raises(LostClaim):
            await scene.leases.confirm(flight)
        assert (scene.events, len(scene.leases)) == ([Lost(1)], 0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("phase", "is_kept"), [(Phase.AHEAD, False), (Phase.IN_SLOT, True), (Phase.WRITING, True)]
)
def test_a_file_that_is_gone_is_kept_once_it_may_be_paid_for(
    phase: Phase, *, is_kept: bool
) -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        flight.phase = phase
        scene.claims.gone = {1}
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await scene.clock.move(TTL)
        renewing.cancel()
        assert (len(scene.leases) == 1, flight.is_dropped) == (is_kept, not is_kept)

    asyncio.run(scenario())


def test_a_file_that_has_another_id_now_goes_on_under_it() -> None:
    async def scenario() -> None:
        scene = Scene()
        (flight,) = scene.take(1)
        scene.claims.moved = {1: 7}
        renewing = asyncio.create_task(scene.leases.keep_renewing())
        await scene.clock.move(TTL / 3)
        renewing.cancel()
        assert (flight.job.audio_file_id, [*scene.leases]) == (7, [7])

    asyncio.run(scenario())


def test_the_same_id_with_another_url_is_another_file() -> None:
    scene = Scene()
    (old,) = scene.take(1)
    (new,) = scene.take(1, url="another url")
    assert (old.is_dropped, len(scene.leases)) == (False, 2)
    assert new.job.url == "another url 1"


def test_a_file_that_is_claimed_again_goes_on_under_the_newer_claim() -> None:
    scene = Scene()
    (flight,) = scene.take(1)
    assert scene.take(1, seconds=5) == []
    assert flight.job.claimed_at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(("phase", "is_dropped"), [(Phase.IN_SLOT, True), (Phase.WRITING, False)])
def test_a_url_that_changed_under_its_hash_ends_the_work_that_is_not_paid_for(
    phase: Phase, *, is_dropped: bool
) -> None:
    scene = Scene()
    (old,) = scene.take(1)
    old.phase = phase
    changed = replace(old.job, url="another url 1")
    (new,) = scene.leases.take([changed], scene.leases.now())
    assert (old.is_dropped, new.is_dropped) == (is_dropped, False)
    assert scene.events == ([Lost(1)] if is_dropped else [])
    scene.leases.forget(old)
    assert len(scene.leases) == 1  # The new file has the place of the old one, and keeps it.


def test_a_stop_drops_the_files_of_one_phase_and_calls_none_of_them_lost() -> None:
    scene = Scene()
    ahead, in_slot = scene.take(1, 2)
    in_slot.phase = Phase.IN_SLOT
    scene.leases.drop_all(Phase.AHEAD)
    assert (ahead.is_dropped, in_slot.is_dropped) == (True, False)
    assert ([*scene.leases], scene.events) == ([2], [])
