"""How many connections a worker holds, and by which name the server knows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.database.catalogue import COMPLETED
from tests.support.servers.provider import Answer
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline

OF_WORKERS = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and application_name like 'transcriber %%'"
)


def most_connections(pipeline: Pipeline, seconds: float) -> int:
    """Watch for a while; return the largest number of connections that was seen."""
    ends_at, most = time.monotonic() + seconds, 0
    while time.monotonic() < ends_at:
        most = max(most, pipeline.one(OF_WORKERS))
        time.sleep(0.01)
    return most


def test_an_idle_worker_holds_one_connection_and_a_busy_one_three(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(Answer(delay=0.01))
    worker = pipeline.start("--watch", "--concurrency", "16")
    until(lambda: pipeline.one(OF_WORKERS))
    pipeline.add_many(300)
    assert most_connections(pipeline, 5) in {2, 3}
    until(lambda: pipeline.one(COMPLETED) == 300, seconds=60)
    # The pool closes connections that nobody needed for ten seconds.
    until(lambda: pipeline.one(OF_WORKERS) == 1, seconds=60)
    assert most_connections(pipeline, 5) == 1
    assert worker.poll() is None


def test_the_server_knows_a_worker_by_its_process(pipeline: Pipeline) -> None:
    worker = pipeline.start("--watch")
    named = f"{OF_WORKERS} and application_name like %s"
    until(lambda: pipeline.one(named, f"%:{worker.pid}"))
