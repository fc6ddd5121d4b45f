"""Each error of a provider over HTTP has one verdict."""

from __future__ import annotations

import pytest

from transcriber.core.verdicts import Verdict
from transcriber.providers.http_answers import judge


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "invalid_value", Verdict.PERMANENT),
        (401, "invalid_api_key", Verdict.STOP),
        (403, None, Verdict.STOP),
        (404, "model_not_found", Verdict.STOP),
        (404, None, Verdict.TRANSIENT),
        (408, None, Verdict.TRANSIENT),
        (409, None, Verdict.TRANSIENT),
        (413, None, Verdict.PERMANENT),
        (415, None, Verdict.PERMANENT),
        (422, None, Verdict.PERMANENT),
        (425, None, Verdict.TRANSIENT),
        (429, None, Verdict.THROTTLED),
        (429, "rate_limit_exceeded", Verdict.THROTTLED),
        (429, "credit_balance_exhausted", Verdict.STOP),
        (429, "insufficient_quota", Verdict.STOP),
        (429, "organization_spend_limit_exceeded", Verdict.STOP),
        (429, "organization_usage_limit_exceeded", Verdict.STOP),
        (429, "project_spend_limit_exceeded", Verdict.STOP),
        (500, None, Verdict.TRANSIENT),
        (529, "overloaded", Verdict.TRANSIENT),
    ],
)
def test_a_provider_answer_has_one_verdict(status: int, code: str | None, verdict: Verdict) -> None:
    found, reason = judge(status, code, key_variable="OPENAI_API_KEY")
    assert found is verdict
    assert reason
