"""What a worker claims and prepares ahead of its slots."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.support.clock import MovableClock, settle
from transcriber.queue.jobs import Job
from transcriber.worker.leases import Flight
from transcriber.worker.prefetch import LARGEST_BATCH, PREPARERS, QUICK_SECONDS, Prefetch

SLOTS = 8
SMALLEST = 2  # one file for every fourth slot


def flights(count: int) -> list[Flight]:
    """Return claimed files."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return [Flight(Job(n, f"url {n}", f"sha1 {n}", now), 0.0) for n in range(count)]


def add(prefetch: Prefetch, count: int) -> list[Flight]:
    """Let the prefetch have newly claimed files."""
    added = flights(count)
    for flight in added:
        prefetch.add_claimed(flight)
    return added


async def take(prefetch: Prefetch, count: int) -> list[Flight]:
    """Let slots ask for files that are there."""
    return [await prefetch.next_for_slot() for _ in range(count)]


@pytest.mark.parametrize(("slots", "batch"), [(1, 1), (4, 1), (5, 2), (8, 2), (64, 16)])
def test_the_first_claim_is_for_every_fourth_slot(slots: int, batch: int) -> None:
    assert Prefetch(slots, MovableClock()).next_batch() == batch


def test_two_batches_lie_ahead_and_none_is_claimed_before_one_is_used_up() -> None:
    async def scenario() -> None:
        prefetch = Prefetch(SLOTS, MovableClock())
        for _ in range(2):
            assert prefetch.is_low
            add(prefetch, prefetch.next_batch())
        assert (prefetch.is_low, prefetch.next_batch()) == (False, 0)
        await take(prefetch, SMALLEST - 1)
        assert (prefetch.is_low, prefetch.next_batch()) == (False, 0)
        await take(prefetch, 1)
        assert prefetch.is_low
        assert prefetch.next_batch() > 0

    asyncio.run(scenario())


@pytest.mark.parametrize(("slots", "preparers"), [(1, 1), (3, 3), (64, PREPARERS)])
def test_no_more_files_are_prepared_at_once_than_slots_can_take(slots: int, preparers: int) -> None:
    assert Prefetch(slots, MovableClock()).preparers == preparers


def test_a_batch_grows_while_slots_use_it_up_quickly_and_shrinks_again() -> None:
    async def scenario() -> None:
        clock = MovableClock()
        prefetch = Prefetch(SLOTS, clock)
        sizes = []
        waiting = prefetch.next_batch()
        for _ in range(12):
            add(prefetch, waiting)
            await take(prefetch, waiting)
            waiting = prefetch.next_batch()
            sizes.append(waiting)
        assert sizes[:3] == [2 * SMALLEST, 4 * SMALLEST, 8 * SMALLEST]
        assert sizes[-1] == LARGEST_BATCH
        add(prefetch, waiting)
        await clock.move(2 * QUICK_SECONDS)
        await take(prefetch, waiting)
        assert prefetch.next_batch() == LARGEST_BATCH // 2
        for _ in range(12):
            await clock.move(2 * QUICK_SECONDS)
            waiting = prefetch.next_batch()
        assert waiting == SMALLEST

    asyncio.run(scenario())


def test_idle_slots_that_get_their_first_files_are_no_reason_to_claim_more() -> None:
    """Another worker may want those files: nothing has been done with the first ones yet."""

    async def scenario() -> None:
        prefetch = Prefetch(SLOTS, MovableClock())
        slots = [asyncio.create_task(prefetch.next_for_slot()) for _ in range(SLOTS)]
        await settle()
        sizes = []
        for _ in range(5):
            sizes.append(prefetch.next_batch())
            add(prefetch, sizes[-1])
            await settle()
        assert sizes == 5 * [SMALLEST]
        assert all(slot.done() for slot in slots)

    asyncio.run(scenario())


def test_a_slot_prefers_a_prepared_file_and_prepares_a_claimed_one_itself() -> None:
    async def scenario() -> None:
        prefetch = Prefetch(SLOTS, MovableClock())
        claimed = add(prefetch, 2)
        (prepared,) = flights(1)
        await prefetch.add_prepared(prepared)
        assert await take(prefetch, 3) == [prepared, *claimed]
        slot = asyncio.create_task(prefetch.next_for_slot())
        await settle()
        assert not slot.done()
        (late,) = add(prefetch, 1)
        assert await slot is late

    asyncio.run(scenario())


def test_every_idle_slot_gets_a_file_of_a_large_batch() -> None:
    async def scenario() -> None:
        prefetch = Prefetch(SLOTS, MovableClock())
        slots = [asyncio.create_task(prefetch.next_for_slot()) for _ in range(SLOTS)]
        await settle()
        add(prefetch, 3 * SLOTS)
        await settle()
        assert all(slot.done() for slot in slots)

    asyncio.run(scenario())


def test_preparers_wait_when_half_as_many_files_as_slots_are_ready() -> None:
    async def scenario() -> None:
        prefetch = Prefetch(SLOTS, MovableClock())
        ready = flights(SLOTS // 2 + 1)
        for flight in ready[:-1]:
            await prefetch.add_prepared(flight)
        preparer = asyncio.create_task(prefetch.add_prepared(ready[-1]))
        await settle()
        assert not preparer.done()
        assert await prefetch.next_for_slot() is ready[0]
        await preparer

    asyncio.run(scenario())
