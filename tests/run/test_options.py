"""What `transcriber run` refuses at once, and what it says when nothing is to be done."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.database.catalogue import FAILURES
from tests.support.servers.provider import refusal
from transcriber.cli.main import main

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e300", "abc", "-1", ""])
@pytest.mark.parametrize(
    "option",
    ["backfill-share", "max-duration", "max-minutes", "claim-ttl", "cooldown", "grace"],
)
def test_a_number_that_is_none_is_wrong_usage(option: str, number: str) -> None:
    result = CliRunner().invoke(main, ["run", f"--{option}", number])
    assert result.exit_code == 2
    assert f"--{option}" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("language", ["", "xx", "deutsch", "12"])
def test_an_unknown_language_is_wrong_usage(language: str) -> None:
    result = CliRunner().invoke(main, ["run", "--language", language])
    assert result.exit_code == 2
    assert "ISO 639-1" in result.stderr


def test_a_language_reaches_the_provider_as_its_code(pipeline: Pipeline) -> None:
    pipeline.add()
    assert pipeline.run("--language", "German").exit_code == 0
    assert pipeline.calls()[0].fields["language"] == ["de"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OPENAI_API_KEY", "two words", "OPENAI_API_KEY holds a blank"),
        ("OPENAI_API_KEY", "line\n", "OPENAI_API_KEY holds a blank"),
        ("OPENAI_API_KEY", "schlüssel", "OPENAI_API_KEY holds a blank"),
        ("OPENAI_API_KEY", "\udcff", "OPENAI_API_KEY holds a blank"),
        ("OPENAI_BASE_URL", "api.example.test/v1", "OPENAI_BASE_URL is no address"),
        ("OPENAI_BASE_URL", "ftp://api.example.test/v1", "OPENAI_BASE_URL is no address"),
        ("OPENAI_BASE_URL", "https:///v1", "OPENAI_BASE_URL is no address"),
        ("OPENAI_BASE_URL", "https://api.example.test/v1 ", "OPENAI_BASE_URL is no address"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "SSL_CERT_FILE names no file"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE names no file"),
        ("HTTPS_PROXY", "http://[::1", "holds no address of an HTTP proxy"),
        ("ALL_PROXY", "ftp://proxy.example.test", "holds no address of an HTTP proxy"),
        ("ALL_PROXY", "socks5://proxy.example.test:1", "holds no address of an HTTP proxy"),
    ],
    ids=ascii,
)
def test_a_setting_that_cannot_work_is_said_before_anything_is_claimed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    pipeline.add()
    monkeypatch.setenv(variable, value)
    result = pipeline.run()
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert value not in result.stderr
    assert pipeline.host.hits == []
    assert pipeline.one(FAILURES) == 0


def test_an_unknown_campaign_names_those_that_there_are(pipeline: Pipeline) -> None:
    result = pipeline.run("--campaign", "Nosuch")
    assert result.exit_code == 2
    assert "there are: none, run `dbt build` first" in result.stderr
    pipeline.add("a", campaign_name="Spring")
    pipeline.add("b", campaign_name="Autumn")
    result = pipeline.run("--campaign", "spring")
    assert result.exit_code == 2
    assert result.stderr == "Error: There is no campaign spring; there are: Autumn, Spring\n"
    for _ in range(2):  # The second time nothing is left to do.
        assert pipeline.run("--campaign", "Spring").exit_code == 0


def test_a_phone_is_found_however_it_is_written(pipeline: Pipeline) -> None:
    pipeline.add("a", phone="+493023125001")
    pipeline.add("b", phone="+493023125002")
    assert pipeline.run("--phone", "+49 (30) / 23125-001").exit_code == 0
    assert len(pipeline.calls()) == 1


def test_a_run_that_finds_nothing_names_the_files_that_failed(pipeline: Pipeline) -> None:
    assert pipeline.run("--fail-if-failures").stdout == "Nothing to transcribe.\n"
    pipeline.provider.answer_with(refusal(400))
    pipeline.add_many(2)
    first = pipeline.run("--json")
    assert json.loads(first.stdout)["failed_for_good_so_far"] == 2
    again = pipeline.run()
    assert again.exit_code == 0
    assert again.stdout == (
        "Nothing to transcribe. Not tried: 2 files failed for good; see `transcriber failures`.\n"
    )
    assert pipeline.run("--fail-if-failures").exit_code == 1


def test_the_limit_of_open_files_is_raised_or_named(pipeline: Pipeline) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    pipeline.add_many(40)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
        assert pipeline.run("--concurrency", "40").exit_code == 0
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_few_open_files_are_named(pipeline: Pipeline) -> None:
    pipeline.add_many(40)
    process = pipeline.start("--concurrency", "40")
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (128, 128))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--concurrency 40 needs" in said
    assert pipeline.one(FAILURES) == 0
