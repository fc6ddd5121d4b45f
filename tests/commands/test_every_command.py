"""Every command for operators refuses wrong usage, hides personal data, and says what it needs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.support.operated_queue import PRIVATE, OperatedQueue
from transcriber.cli.main import main

COMMANDS = (
    ["status"],
    ["failures"],
    ["failures", "--summary"],
    ["retry", "--transient"],
    ["release", "--expired"],
    ["resume", "openai"],
)


def test_an_empty_database_has_nothing_to_show(queue: OperatedQueue) -> None:
    found = queue.json("status")
    assert set(found["files"].values()) == {0}
    assert (found["eta"], found["next_try_at"], found["workers"]) == (None, None, [])
    assert "nothing to do" in queue.run("status").stdout
    assert queue.run("failures").stdout == "No failures.\n"
    assert queue.json("failures") == {"failures": []}
    assert queue.run("failures", "--summary").stdout == "No failures.\n"
    assert queue.json("failures", "--summary") == {"reasons": []}
    assert queue.run("retry", "--transient").stdout == "retried 0 files\n"
    assert queue.run("release", "--expired").stdout == "released 0 files\n"
    assert queue.run("resume", "openai").stdout == "openai is not paused\n"


def test_nothing_personal_is_shown(queue: OperatedQueue) -> None:
    queue.add()
    for status in ("permanent", "transient"):
        queue.fail(
            status,
            "GET https://vault.example.test/vr/PR_secret1.mp3?sig=1 failed\n for"
            " +493023125001 (0302 3125 001), pool vault.example.test/vr/PR_secret.mp3,"
            " PR_secret2 \x1b[31m",
        )
    for command in (*COMMANDS[:3], ["retry", "--permanent", "--dry-run"], ["retry", "--permanent"]):
        output = queue.run(*command).output
        output += queue.run(*command, "--json").output if command[0] != "retry" else ""
        for private in (*PRIVATE, "\x1b"):
            assert private not in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["retry"], "--transient, --permanent, --error TEXT, --campaign NAME or ids"),
        (["retry", "--dry-run"], "--transient"),
        (["retry", "--error", ""], "--transient"),
        (["retry", "--campaign", ""], "--transient"),
        (["retry", "x"], "IDS"),
        (["retry", "0"], "IDS"),
        (["retry", str(2**63)], "IDS"),
        (["retry", "--error", "\udcff"], "PostgreSQL refused this"),
        (["release"], "--expired or --worker NAME"),
        (["release", "--worker", ""], "--expired or --worker NAME"),
        (["resume"], "PROVIDER"),
        (["resume", "nobody"], "openai"),
        (["failures", "--limit", "0"], "--limit"),
        (["failures", "--status", "bad"], "--status"),
    ],
    ids=ascii,
)
def test_wrong_usage_changes_nothing(
    queue: OperatedQueue, arguments: list[str], words: str
) -> None:
    queue.claim(queue.fail(), ttl="-1 second")
    before = queue.rows()
    assert words in queue.run(*arguments, code=2).stderr
    assert queue.rows() == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_options_can_come_from_the_environment(
    queue: OperatedQueue, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    queue.fail("transient")
    queue.claim(queue.add(), ttl="-1 second")
    queue.pause()
    before = queue.rows()
    for option in ("dry_run", "json", *command[1:]):
        words = option.removeprefix("--")
        monkeypatch.setenv(f"TRANSCRIBER_{command[0]}_{words}".upper(), "1")
    output = queue.run(*(each for each in command if not each.startswith("--"))).stdout
    assert "would" in output or json.loads(output)
    assert queue.rows() == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_migrations_it_says_to_run_them(
    empty_database: dict[str, str], command: list[str]
) -> None:
    del empty_database
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {_schema_missing()}\n"


def _schema_missing() -> str:
    return "The media_pipeline tables are missing or old: run `transcriber migrate` first."


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_database_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "PGHOST" in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_postgres_forbids_ends_as_one_line(
    queue: OperatedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.fail()
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    assert "HTTP 404" in queue.run("failures").stdout
    result = queue.run("retry", "--permanent", code=2)
    assert result.stderr.startswith("Error: PostgreSQL refused this: cannot execute ")
    assert result.stderr.count("\n") == 1
