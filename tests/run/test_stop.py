"""What a worker does with its files when a signal stops it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.database.catalogue import CLAIMS, COMPLETED, FAILURES
from tests.support.servers.provider import Answer
from tests.support.wait import until

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_worker_releases_its_claims(
    pipeline: Pipeline, number: signal.Signals, code: int
) -> None:
    pipeline.add_many(5)
    pipeline.provider.answer_with(Answer(delay=30))
    worker = pipeline.start("--concurrency", "2", "--grace", "0.5")
    until(lambda: len(pipeline.calls()) == 2)
    began = time.monotonic()
    worker.send_signal(number)
    _, errors = worker.communicate(timeout=10)
    assert time.monotonic() - began < 5
    assert worker.returncode == code
    assert "claims are released" in errors
    assert "Traceback" not in errors
    assert pipeline.one(CLAIMS) == 0
    assert pipeline.one(FAILURES) == 0


@pytest.mark.parametrize("options", [[], ["--log-format", "json"], ["--json"]], ids=" ".join)
def test_a_worker_whose_log_nobody_reads_does_its_work(
    pipeline: Pipeline, options: list[str]
) -> None:
    pipeline.add_many(40)
    may_answer = pipeline.provider.hold_answers()
    worker = pipeline.start(*options)
    assert worker.stderr is not None
    worker.stderr.close()
    may_answer.set()
    assert worker.wait(timeout=60) == 0
    assert pipeline.one(COMPLETED) == 40
    assert pipeline.one(CLAIMS) == 0


def test_a_stopped_worker_finishes_what_is_paid_for(pipeline: Pipeline) -> None:
    pipeline.add_many(5)
    pipeline.provider.answer_with(Answer(delay=1))
    worker = pipeline.start("--concurrency", "2")
    until(lambda: len(pipeline.calls()) == 2)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=10)
    assert worker.returncode == 143
    assert pipeline.one(COMPLETED) == 2
    assert len(pipeline.calls()) == 2
    assert pipeline.one(CLAIMS) == 0


def test_a_second_signal_stops_at_once(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer_with(Answer(delay=30))
    worker = pipeline.start("--grace", "60")
    until(pipeline.calls)
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=5)
    assert worker.returncode == 143
    assert pipeline.one(CLAIMS) == 0
