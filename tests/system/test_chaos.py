"""A short run of the chaos test; `make chaos` runs the long one."""

from __future__ import annotations

from tests.system.chaos.storm import Options, run


def test_a_storm_leaves_the_books_in_order() -> None:
    accounts = run(
        Options(
            jobs=150,
            workers=3,
            claim_ttl=2,
            every=2.5,
            restarts=1,
            seconds_away=3,
            seconds_of_refusals=1,
            at_most=150,
            seed=3,
        )
    )
    print(*accounts.lines(), sep="\n")
    assert accounts.problems == []
