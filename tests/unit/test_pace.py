"""How fast a provider is asked, by a clock that stands still until the test moves it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import MovableClock, settle
from transcriber.core.http import RateLimit
from transcriber.providers.pace import (
    BACK_OFF,
    GROWTH_PER_SECOND,
    HORIZON_SECONDS,
    LOWEST_RATE,
    LOWEST_START,
    SETTLE_SECONDS,
    SHORTEST_DISTANCE,
    Pace,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SLOTS = 64
FIRST_WINDOW = 16  # a quarter of the slots


class Requests:
    """Requests that begin when the pace lets them, and end when the test says."""

    def __init__(self, slots: int = SLOTS) -> None:
        self.clock = MovableClock()
        self.pace = Pace(slots, self.clock)
        self.started: list[float] = []
        self._may_end = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def _request(self) -> None:
        async with self.pace.request():
            self.started.append(self.clock.now())
            await self._may_end.wait()

    async def ask(self, count: int, seconds: float = 1.0) -> int:
        """Ask so often, let so much time pass, and return how many requests began."""
        before = len(self.started)
        self._tasks += [asyncio.create_task(self._request()) for _ in range(count)]
        await self.clock.move(seconds)
        return len(self.started) - before

    async def end(self) -> None:
        """Let every request end, also those that wait for their turn."""
        self._may_end.set()
        while not all(task.done() for task in self._tasks):
            await self.clock.move(1)


def play(scenario: Callable[[Requests], Awaitable[None]], slots: int = SLOTS) -> None:
    """Play a scenario, and let its requests end."""

    async def run() -> None:
        requests = Requests(slots)
        await scenario(requests)
        await requests.end()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("slots", "window"), [(64, 16), (512, 128), (8, 8), (4, 4), (20, LOWEST_START)]
)
def test_a_run_starts_with_few_requests_at_the_same_time(slots: int, window: float) -> None:
    async def scenario(requests: Requests) -> None:
        assert await requests.ask(slots, seconds=10) == window

    play(scenario, slots)


def test_each_accepted_request_makes_room_for_one_more() -> None:
    async def scenario(requests: Requests) -> None:
        await requests.ask(SLOTS)
        for _ in range(5):
            requests.pace.accepted()
        # The window is looked at when a request asks for its turn.
        assert await requests.ask(1) == 1

    play(scenario)


def test_requests_start_at_a_distance() -> None:
    async def scenario(requests: Requests) -> None:
        await requests.ask(FIRST_WINDOW)
        starts = requests.started
        distances = [later - before for before, later in pairwise(starts)]
        assert distances == pytest.approx([SHORTEST_DISTANCE] * (FIRST_WINDOW - 1))

    play(scenario)


async def accept_evenly(requests: Requests, count: int, distance: float) -> None:
    """Let the provider accept requests at a distance in seconds."""
    for _ in range(count):
        requests.pace.accepted()
        await requests.clock.move(distance)


async def rate_of(requests: Requests) -> float:
    """Return the requests a second that the pace allows now."""
    await requests.clock.move(60)  # what was asked for before has its turn
    await requests.ask(8, seconds=600)
    first, *_, last = requests.started[-8:]
    return 7 / (last - first)


def test_a_refusal_sets_the_rate_a_little_below_what_was_accepted() -> None:
    async def scenario(requests: Requests) -> None:
        await accept_evenly(requests, 100, 0.1)
        requests.pace.throttled()
        # 30 requests in the last three seconds, the first of them 2.9 seconds ago
        assert await rate_of(requests) == pytest.approx(BACK_OFF * 10, rel=0.05)

    play(scenario)


def test_refusals_that_come_together_count_once() -> None:
    async def scenario(requests: Requests) -> None:
        await accept_evenly(requests, 100, 0.1)
        for _ in range(20):
            requests.pace.throttled()
        await requests.clock.move(SETTLE_SECONDS / 2)
        requests.pace.throttled()
        assert await rate_of(requests) == pytest.approx(BACK_OFF * 10, rel=0.05)

    play(scenario)


def test_a_refusal_holds_the_next_request_for_as_long_as_the_rate_says() -> None:
    async def scenario(requests: Requests) -> None:
        requests.pace.throttled()  # Nothing was accepted: about one request a second.
        assert await requests.ask(1, seconds=0.9 / BACK_OFF) == 0
        assert await requests.ask(0, seconds=0.2 / BACK_OFF) == 1

    play(scenario)


def test_what_was_accepted_long_ago_says_nothing_about_the_rate() -> None:
    async def scenario(requests: Requests) -> None:
        await accept_evenly(requests, 100, 0.1)
        await requests.clock.move(HORIZON_SECONDS)
        requests.pace.throttled()
        assert await rate_of(requests) == pytest.approx(BACK_OFF)

    play(scenario)


def test_a_refusal_never_raises_the_rate() -> None:
    async def scenario(requests: Requests) -> None:
        requests.pace.throttled()
        await accept_evenly(requests, 100, 0.1)
        before = await rate_of(requests)
        await accept_evenly(requests, 20, 0.1)
        requests.pace.throttled()
        assert await rate_of(requests) < before

    play(scenario)


def test_a_provider_that_refuses_everything_is_still_asked_now_and_then() -> None:
    async def scenario(requests: Requests) -> None:
        for _ in range(200):
            requests.pace.throttled()
            await requests.clock.move(SETTLE_SECONDS)
        assert await rate_of(requests) == pytest.approx(LOWEST_RATE)

    play(scenario)


def test_the_rate_grows_with_every_second_that_goes_well() -> None:
    async def scenario(requests: Requests) -> None:
        await accept_evenly(requests, 100, 0.1)
        requests.pace.throttled()
        before = await rate_of(requests)
        await accept_evenly(requests, 101, 0.1)  # ten seconds
        grown = before * (1 + GROWTH_PER_SECOND * 0.1) ** 100
        # The pause before the first of them counts as one second, not as ten minutes.
        assert await rate_of(requests) == pytest.approx(grown * (1 + GROWTH_PER_SECOND), rel=0.001)

    play(scenario)


def test_what_a_provider_says_is_left_is_obeyed() -> None:
    async def scenario(requests: Requests) -> None:
        await requests.ask(1)
        requests.pace.accepted(RateLimit(remaining_requests=0, reset_seconds=30))
        assert await requests.ask(1, seconds=29) == 0
        assert await requests.ask(0, seconds=2) == 1
        requests.pace.accepted(RateLimit(remaining_requests=5, reset_seconds=30))
        assert await requests.ask(1, seconds=1) == 1

    play(scenario)


def test_requests_that_wait_for_their_start_obey_too() -> None:
    async def scenario(requests: Requests) -> None:
        assert await requests.ask(FIRST_WINDOW, seconds=0.5 * SHORTEST_DISTANCE) == 1
        requests.pace.accepted(RateLimit(remaining_requests=0, reset_seconds=30))
        assert await requests.ask(0, seconds=29) == 0
        assert await requests.ask(0, seconds=2) == FIRST_WINDOW - 1

    play(scenario)


def test_a_refusal_holds_those_that_wait_for_their_start() -> None:
    async def scenario(requests: Requests) -> None:
        assert await requests.ask(FIRST_WINDOW, seconds=0.5 * SHORTEST_DISTANCE) == 1
        requests.pace.throttled()  # Nothing was accepted: about one request a second.
        assert await requests.ask(0, seconds=0.9 / BACK_OFF) == 0
        assert await requests.ask(0, seconds=2 / BACK_OFF) == 2

    play(scenario)


def test_requests_accepted_at_one_moment_do_not_stop_the_clock() -> None:
    async def scenario(requests: Requests) -> None:
        for _ in range(10):
            requests.pace.accepted()
        requests.pace.throttled()
        await requests.ask(FIRST_WINDOW)
        distances = [later - before for before, later in pairwise(requests.started)]
        assert min(distances) >= SHORTEST_DISTANCE * (1 - 1e-9)

    play(scenario)


def test_waiters_that_are_cancelled_as_they_wake_leave_their_turn_to_others() -> None:
    async def run() -> None:
        pace = Pace(1)
        held = pace.request()
        await held.__aenter__()
        done: list[int] = []

        async def request(number: int) -> None:
            async with pace.request():
                done.append(number)

        tasks = [asyncio.create_task(request(number)) for number in range(5)]
        await settle()
        await held.__aexit__(None, None, None)
        for task in tasks[:4]:
            task.cancel()
        await asyncio.wait_for(tasks[4], timeout=5)
        assert done == [4]

    asyncio.run(run())


def test_a_turn_is_given_back_when_a_request_ends_badly() -> None:
    async def scenario(requests: Requests) -> None:
        for _ in range(3 * FIRST_WINDOW):
            with pytest.raises(ValueError, match="broken"):
                await fail_within(requests)
        assert await requests.ask(1, seconds=10) == 1

    async def fail_within(requests: Requests) -> None:
        moving = asyncio.create_task(requests.clock.move(1))
        try:
            async with requests.pace.request():
                raise ValueError("broken")
        finally:
            await moving

    play(scenario)


def test_a_movable_clock_wakes_sleepers_in_order() -> None:
    async def run() -> None:
        clock, woken = MovableClock(), []

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2)]
        await clock.move(2)
        assert woken == [1, 2]
        await clock.move(1)
        await asyncio.gather(*tasks)
        await settle()
        assert woken == [1, 2, 3]

    asyncio.run(run())
