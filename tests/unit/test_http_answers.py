"""Each error of a provider over HTTP has one verdict, whatever shape its body has."""

from __future__ import annotations

import json

import pytest

from transcriber.core.verdicts import Verdict
from transcriber.providers.http_answers import Problem, judge, problem_of

STOP, LATER, SLOWER, NEVER = (
    Verdict.STOP, Verdict.TRANSIENT, Verdict.THROTTLED, Verdict.PERMANENT
)  # fmt: skip


def shapes(code: str, message: str = "no") -> list[object]:
    """Return an error as different servers word it."""
    return [
        {"error": {"message": message, "type": "some_error", "param": None, "code": code}},
        {"error": {"message": message, "type": code, "code": None}},
        {"code": code, "message": message},
        {"error": code},
        {"detail": {"error": {"code": code, "message": message}}},
        {"detail": f"{code}: {message}"},
        f"{code}: {message}",
    ]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (302, "", STOP),
        (307, "", STOP),
        (400, shapes("invalid_value")[0], NEVER),
        (401, shapes("invalid_api_key")[0], STOP),
        (402, "", STOP),
        (403, "", STOP),
        (403, shapes("unsupported_country_region_territory")[0], STOP),
        (404, shapes("model_not_found")[0], STOP),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, STOP),
        (404, {"error": {"code": "DeploymentNotFound", "message": "no"}}, STOP),
        (404, {"detail": "Not Found"}, STOP),
        (404, "<html>nothing here</html>", STOP),
        (407, "", STOP),
        (408, "", LATER),
        (409, "", LATER),
        (413, shapes("server_error")[0], NEVER),
        (415, "", NEVER),
        (422, {"detail": [{"loc": ["body", "language"], "msg": "no", "type": "enum"}]}, NEVER),
        (425, "", LATER),
        (429, "", SLOWER),
        (429, shapes("rate_limit_exceeded", "see /account/billing to add a method")[0], SLOWER),
        (500, "", LATER),
        (502, "<html>bad gateway</html>", LATER),
        (529, shapes("overloaded")[0], LATER),
        *(
            (status, body, STOP)
            for status in (400, 403, 429, 500)
            for code in (
                "insufficient_quota", "credit_balance_exhausted", "billing_not_active",
                "billing_hard_limit_reached", "organization_spend_limit_exceeded",
                "organization_usage_limit_exceeded", "project_spend_limit_exceeded",
            )
            for body in shapes(code)
        ),
        (429, {"error": {"message": "You exceeded your current quota."}}, STOP),
        (400, {"error": {"message": "Your account is not active."}}, STOP),
        # Shapes that nobody foresaw are no reason to end.
        (400, [], NEVER),
        (400, None, NEVER),
        (400, {"error": ["odd", 1]}, NEVER),
        (400, {"error": {"code": {"deep": []}, "message": 7}}, NEVER),
        (400, "[" * 100_000, NEVER),
    ],
    ids=str,
)  # fmt: skip
def test_a_provider_answer_has_one_verdict(status: int, body: object, verdict: Verdict) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    found, reason = judge(status, problem_of(text), key_variable="OPENAI_API_KEY")
    assert found is verdict
    assert reason


def test_a_refusal_of_a_file_keeps_the_words_of_the_provider() -> None:
    long, language = (
        {"error": {"code": "invalid_value", "message": "1500 s is longer than 1400 s"}},
        {"error": {"code": "invalid_value", "param": "language", "message": "unknown language"}},
    )
    reasons = [
        judge(400, problem_of(json.dumps(body)), key_variable="KEY")[1] for body in (long, language)
    ]
    assert reasons == [
        "the provider refused the file (HTTP 400): invalid_value: 1500 s is longer than 1400 s",
        "the provider refused the file (HTTP 400): invalid_value, param language: unknown language",
    ]


def test_the_words_of_the_provider_are_masked_and_cut() -> None:
    said = Problem(
        message="call +49 30 23125 001 at https://vault.example.test/a.mp3 " + 99 * "no "
    )
    assert "23125" not in str(said)
    assert "vault" not in str(said)
    assert len(str(said)) <= 200


def test_a_403_of_a_region_says_so() -> None:
    problem = Problem(code="unsupported_country_region_territory", message="Not supported")
    assert "region" in judge(403, problem, key_variable="KEY")[1]
