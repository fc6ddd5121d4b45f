"""`transcriber status`, `failures`, `retry`, `release` and `resume` on real PostgreSQL."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.support.database.catalogue import add_audio_file, one
from transcriber.cli.main import main
from transcriber.core.masking import masked
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = ("transcriptions", "transcription_failures", "transcription_claims", "provider_pauses")
PRIVATE = ("+493023125001", "0302 3125 001", "PR_secret", "vault.example.test", "guten tag")
COMMANDS = (
    ["status"],
    ["failures"],
    ["failures", "--summary"],
    ["retry", "--transient"],
    ["release", "--expired"],
    ["resume", "openai"],
)


class Queue:
    """A queue whose files are in whatever state a test wants."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def add(self, status: str | None = "pending", **columns: Any) -> int:
        """Add a file of 30 minutes; without a status it is not queued yet."""
        count = self.one("select count(*) from media_pipeline.audio_files")
        url = f"https://vault.example.test/vr/PR_secret{count}.mp3"
        values = {"duration_seconds": 1800, "phone": PRIVATE[0], **columns}
        file_id = add_audio_file(self.connection, url, **values)
        if status:
            self.connection.execute(
                "insert into media_pipeline.transcriptions"
                " (audio_file_id, status, metadata, transcript_text, completed_at)"
                """ values (%s, %s, '{"queue": {"started": 17}}', 'guten tag', now())""",
                [file_id, status],
            )
        return file_id

    def done(self, seconds: Any, ago: timedelta = timedelta()) -> int:
        """Add a completed file."""
        file_id = self.add("completed")
        self.connection.execute(
            "update media_pipeline.transcriptions set completed_at = now() - %s,"
            " metadata = jsonb_build_object('audio', %s::jsonb) where audio_file_id = %s",
            [ago, json.dumps({"duration_seconds": seconds}), file_id],
        )
        return file_id

    def fail(
        self,
        status: str | None = "permanent",
        error: str | None = "HTTP 404",
        *,
        until: str | None = "1 hour",
        code: int | None = 404,
        state: str = "failed",
        **columns: Any,
    ) -> int:
        """Add a file that failed; a transient failure cools down for so long."""
        file_id = self.add(state, **columns)
        self.connection.execute(
            "insert into media_pipeline.transcription_failures"
            " (audio_file_id, status, error_code, error, ignore_until)"
            " values (%s, %s, %s, %s, now() + %s::interval)",
            [file_id, status, code, error, until if status == "transient" else None],
        )
        return file_id

    def claim(self, file_id: int, worker: str = "host:1:ab", ttl: str | None = "1 hour") -> int:
        """Claim a file for a worker; a negative ttl has expired."""
        self.connection.execute(
            "insert into media_pipeline.transcription_claims values (%s, %s, now(), now() + %s)",
            [file_id, worker, ttl],
        )
        return file_id

    def pause(self) -> None:
        """Pause openai for everybody."""
        self.connection.execute(
            "insert into media_pipeline.provider_pauses values ('openai', 'no credit', 'h:1:ab')"
        )

    def run(self, *arguments: str | int, code: int = 0) -> Result:
        """Run a command in this process, and expect its exit code."""
        result = CliRunner().invoke(main, [*map(str, arguments)])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str) -> Any:
        """Run a command with --json and return what it prints."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the only row or value of a query."""
        return one(self.connection, statement, *parameters)

    def failed_ids(self) -> list[int]:
        """Return whose failures are there."""
        ids = "select audio_file_id from media_pipeline.transcription_failures order by 1"
        return [row[0] for row in self.connection.execute(ids)]

    def rows(self) -> list[Any]:
        """Return everything that the commands may change."""
        statement = "select array_agg(each::text order by each::text) from media_pipeline.{} each"
        return [self.one(statement.format(table)) for table in TABLES]


@pytest.fixture
def queue(connection: psycopg.Connection) -> Queue:
    return Queue(connection)


def test_each_file_counts_in_one_state(queue: Queue) -> None:
    queue.add(None)
    queue.add("pending")
    queue.fail("transient", until="-1 second")  # the next run takes it
    queue.claim(queue.add("pending"), ttl="-1 second")
    queue.claim(queue.add("pending"))
    queue.claim(queue.add("pending"), "other:2:cd", None)  # never expires
    queue.fail("transient", until="1 hour")
    queue.fail("transient", until="2 hours", state="pending")  # written by hand
    queue.fail("permanent")
    queue.done(90)
    queue.add("translated")
    found = queue.json("status")
    assert found["files"] == {
        "total": 11, "not_queued": 1, "pending": 3, "claimed": 2, "cooling_down": 2, "failed": 1,
        "completed": 1, "other": 1,
    }  # fmt: skip
    wait = datetime.fromisoformat(found["next_try_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)
    assert found["audio_hours_left"] == 8 / 2
    assert found["audio_hours_done"] == 0.03
    workers = [(w["worker"], w["files"], w["expired_files"]) for w in found["workers"]]
    assert workers == [("host:1:ab", 2, 1), ("other:2:cd", 1, 0)]
    assert found["workers"][1]["expires_at"] is None


@pytest.mark.parametrize("states", [[None], [None, "pending"], ["pending", None], ["failed"] * 2])
def test_new_files_are_found_wherever_they_are(queue: Queue, states: list[str | None]) -> None:
    for state in states:
        queue.add(state)
    found = queue.json("status")
    assert found["files"]["total"] == len(states)
    assert found["files"]["not_queued"] == states.count(None)
    assert found["audio_hours_left"] == len(states) / 2


def test_the_rate_is_that_of_the_last_minutes(queue: Queue) -> None:
    for _ in range(3):
        queue.done(1200, timedelta(minutes=5))
    for _ in range(4):
        queue.done(1200, timedelta(minutes=15))
    for _ in range(36):
        queue.add()
    found = queue.json("status")
    assert found["rate"] == {"seconds": 600, "files_per_hour": 18, "audio_hours_per_hour": 6}
    eta = datetime.fromisoformat(found["eta"]) - datetime.fromisoformat(found["at"])
    assert eta == timedelta(hours=2)
    text = queue.run("status").stdout
    assert "18 files/h, 6.0 h of sound/h (last 10 minutes)" in text
    assert "in 2:00:00" in text


@pytest.mark.parametrize("seconds", [None, "60", {}, "NaN"], ids=str)
def test_audio_of_unknown_length_is_left_out(queue: Queue, seconds: Any) -> None:
    queue.done(seconds)
    queue.add(duration_seconds=float("nan"))
    found = queue.json("status")
    assert (found["audio_hours_done"], found["audio_hours_left"]) == (0, 0)


def test_the_ten_most_frequent_reasons_are_shown(queue: Queue) -> None:
    for number in range(12):
        queue.fail(error=f"reason {number}")
    queue.fail(error="reason 11")
    queue.fail("transient", error="not for good")
    reasons = queue.json("status")["failed_by_reason"]
    assert len(reasons) == 10
    assert reasons[0] == {"status": "permanent", "code": 404, "reason": "reason 11", "files": 2}
    assert "not for good" not in str(reasons)


def test_the_status_says_all_that_matters(queue: Queue) -> None:
    queue.claim(queue.add(), ttl="-1 second")
    queue.pause()
    queue.fail(error="HTTP 410", code=410)
    lines = queue.run("status").stdout.splitlines()
    assert ["pending", "1"] in [line.split() for line in lines]
    assert ["failed", "for", "good", "1"] in [line.split() for line in lines]
    assert any(line.endswith("no file was completed lately") for line in lines)
    assert any(line.startswith("openai is paused since 2") for line in lines)
    assert "  fix the cause, then run: transcriber resume openai" in lines
    assert any(line.startswith("host:1:ab") and line.endswith("1") for line in lines)
    assert lines[-1].split() == ["1", "permanent", "410", "HTTP", "410"]


def test_an_empty_database_has_nothing_to_show(queue: Queue) -> None:
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


def test_failures_are_listed_the_newest_first(queue: Queue) -> None:
    old = queue.fail("transient", "HTTP 503", code=503)
    new = queue.fail(code=None, error=None)
    queue.claim(queue.fail("transient", until=None))
    queue.connection.execute(
        "update media_pipeline.transcription_failures set attempts = 3,"
        " last_attempt_at = '2026-01-02 03:04:05+00' where audio_file_id = %s",
        [old],
    )
    found = queue.json("failures")["failures"]
    assert [each["audio_file_id"] for each in found] == [new + 1, new, old]
    assert found[2]["next_try_at"] is not None
    assert {**found[2], "next_try_at": None} == {
        "audio_file_id": old, "status": "transient", "code": 503, "attempts": 3,
        "last_attempt_at": "2026-01-02T03:04:05+00:00", "next_try_at": None, "is_claimed": False,
        "reason": "HTTP 503",
    }  # fmt: skip
    lines = queue.run("failures").stdout.splitlines()
    assert lines[1].split()[-3:] == ["in", "work", "HTTP"] or "in work" in lines[1]
    assert lines[2].endswith("never       -") or lines[2].split()[-2:] == ["never", "-"]
    assert lines[3].endswith("HTTP 503")


def test_failures_can_be_chosen(queue: Queue) -> None:
    transient = queue.fail("transient", campaign_name="Spring")
    permanent = queue.fail("permanent", campaign_name="Spring")
    autumn = queue.fail("permanent", campaign_name="Autumn")

    def ids(*options: str) -> list[int]:
        return [each["audio_file_id"] for each in queue.json("failures", *options)["failures"]]

    assert ids() == [autumn, permanent, transient]
    assert ids("--status", "transient") == [transient]
    assert ids("--campaign", "Spring") == [permanent, transient]
    assert ids("--campaign", "Spring", "--status", "permanent") == [permanent]
    assert ids("--limit", "1") == [autumn]
    assert "--limit shows more" in queue.run("failures", "--limit", "1").stdout
    reasons = queue.json("failures", "--summary", "--campaign", "Spring")["reasons"]
    assert sorted((each["status"], each["files"]) for each in reasons) == [
        ("permanent", 1),
        ("transient", 1),
    ]


def test_a_failure_left_at_a_completed_file_is_none(queue: Queue) -> None:
    file_id = queue.fail(state="completed")
    assert queue.json("failures") == {"failures": []}
    assert queue.json("failures", "--summary") == {"reasons": []}
    assert queue.json("status")["files"]["failed"] == 0
    assert queue.run("retry", file_id).stdout == "retried 0 files\n"


def test_infinite_times_are_shown(queue: Queue) -> None:
    queue.fail("transient")
    queue.claim(queue.add())
    queue.connection.execute(
        "update media_pipeline.transcription_failures set ignore_until = 'infinity'"
    )
    queue.connection.execute(
        "update media_pipeline.transcription_claims set expires_at = 'infinity'"
    )
    assert queue.json("status")["files"]["cooling_down"] == 1
    assert "9000-01-01" in queue.run("status").stdout
    assert "9000-01-01" in queue.run("failures").stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--transient"], [0, 1]),
        (["--permanent"], [2, 3]),
        (["--transient", "--permanent"], [0, 1, 2, 3]),
        (["--error", "TIMED out"], [0, 2]),
        (["--error", "100 %_"], [3]),
        (["--campaign", "Spring"], [0, 3]),
        (["--transient", "--campaign", "Spring"], [0]),
        (["--permanent", "--error", "timed out", "--campaign", "Autumn"], [2]),
        (["--permanent", "--campaign", "Winter"], []),
        (["0", "2"], [0, 2]),
        (["--permanent", "0", "2"], [2]),
        (["2", "2", "9999999"], [2]),
    ],
    ids=str,
)
def test_retry_puts_the_chosen_back(queue: Queue, options: list[str], expected: list[int]) -> None:
    files = [
        queue.fail("transient", "the provider Timed Out", campaign_name="Spring"),
        queue.fail("transient", "HTTP 503", campaign_name="Autumn", until="-1 hour"),
        queue.fail("permanent", "it timed out", campaign_name="Autumn"),
        queue.fail("permanent", "at 100 %_ of it", campaign_name="Spring"),
    ]
    arguments = [str(files[int(each)]) if each in ("0", "2") else each for each in options]
    left = [file for number, file in enumerate(files) if number not in expected]
    before = queue.rows()

    dry = queue.run("retry", *arguments, "--dry-run").stdout
    plural = "" if len(expected) == 1 else "s"
    assert dry.endswith(f"would retry {len(expected)} file{plural}\n")
    shown = [int(line.split()[0]) for line in dry.splitlines()[1:-1]]
    assert sorted(shown) == [files[number] for number in expected]
    assert queue.rows() == before

    result = queue.run("retry", *arguments)
    assert result.stdout == f"retried {len(expected)} file{plural}\n"
    assert queue.failed_ids() == left
    states: dict[int, str] = dict(
        queue.connection.execute(
            "select audio_file_id, status || (metadata #>> '{queue,started}')"
            " from media_pipeline.transcriptions"
        ).fetchall()
    )
    assert states == {file: "failed17" if file in left else "pending17" for file in files}


def test_retry_leaves_files_in_work_alone(queue: Queue) -> None:
    held = queue.claim(queue.fail("transient", until="-1 second"))
    forever = queue.claim(queue.fail(), "other:1:ab", None)
    free = queue.claim(queue.fail(), ttl="-1 second")
    expected = ["retry 1 file", "left alone 2 files that a worker has claimed"]
    lines = queue.run("retry", held, forever, free, "--dry-run").stdout.splitlines()
    assert lines[-2:] == [f"would {expected[0]}", expected[1]]
    lines = queue.run("retry", held, forever, free).stdout.splitlines()
    assert lines == ["retried 1 file", expected[1]]
    assert queue.failed_ids() == [held, forever]


def test_retry_needs_no_place_in_the_queue(queue: Queue) -> None:
    file_id = queue.fail()
    queue.connection.execute("delete from media_pipeline.transcriptions")
    assert queue.run("retry", file_id).stdout == "retried 1 file\n"
    assert queue.failed_ids() == []


def meanwhile(queue: Queue, change: str, command: Callable[[], Result], file_id: int) -> Result:
    """Run a command that finds a file locked by another transaction, which then changes it."""
    results: list[Result] = []
    with psycopg.connect() as other:
        other.execute(
            "select from media_pipeline.transcriptions where audio_file_id = %s for no key update",
            [file_id],
        )
        waiting = threading.Thread(target=lambda: results.append(command()))
        waiting.start()
        while not queue.one("select exists (select from pg_locks where not granted)"):
            assert waiting.is_alive()
        other.execute(change.encode(), [file_id])
    waiting.join(10)
    (result,) = results
    return result


CLAIMED = "insert into media_pipeline.transcription_claims values (%s, 'host:1:ab', now(), null)"
FAILED_ANEW = """
    update media_pipeline.transcription_failures
    set error = 'newer', last_attempt_at = clock_timestamp()
    where audio_file_id = %s
"""
DELETED = "delete from media_pipeline.audio_files where id = %s"


@pytest.mark.parametrize(
    ("change", "is_left"), [(CLAIMED, True), (FAILED_ANEW, True), (DELETED, False)], ids=str
)
def test_retry_heeds_what_happens_while_it_waits(
    queue: Queue, change: str, *, is_left: bool
) -> None:
    queue.fail("transient")
    changed = queue.fail("transient")
    meanwhile(queue, change, lambda: queue.run("retry", "--transient"), changed)
    assert queue.failed_ids() == ([changed] if is_left else [])


def test_a_finished_file_is_not_put_back(queue: Queue) -> None:
    file_id = queue.fail("transient")
    change = "update media_pipeline.transcriptions set status = 'completed' where audio_file_id=%s"
    meanwhile(queue, change, lambda: queue.run("retry", file_id), file_id)
    assert queue.one("select status from media_pipeline.transcriptions") == "completed"


def test_files_are_locked_in_the_order_of_their_ids(queue: Queue) -> None:
    files = [queue.fail("transient") for _ in range(100)]
    queue.connection.execute(  # the first rows lie last
        "update media_pipeline.transcriptions set metadata = metadata where id % 2 = 0"
    )
    stop = threading.Event()
    errors: list[psycopg.Error] = []

    def lock_as_a_worker_does() -> None:
        with psycopg.connect() as other:
            while not stop.is_set():
                try:
                    for file_id in files:
                        other.execute(
                            query("operate/lock_transcriptions"), {"audio_file_ids": [file_id]}
                        )
                except psycopg.Error as error:
                    errors.append(error)
                other.rollback()

    worker = threading.Thread(target=lock_as_a_worker_does)
    worker.start()
    for _ in range(5):
        assert queue.run("retry", "--transient").stdout == "retried 100 files\n"
        queue.connection.execute(
            "insert into media_pipeline.transcription_failures (audio_file_id, status)"
            " select audio_file_id, 'transient' from media_pipeline.transcriptions"
        )
    stop.set()
    worker.join()
    assert errors == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--expired"], [0, 2]),
        (["--worker", "host:1:ab"], [0, 1]),
        (["--worker", "host:1"], [0, 1]),
        (["--worker", "host"], [0, 1, 2]),
        (["--worker", "hos"], []),
        (["--worker", "host:_"], []),
        (["--worker", "host:12", "--expired"], [2]),
        (["--worker", "old-style"], [3]),
    ],
    ids=str,
)
def test_release_takes_the_chosen_claims(
    queue: Queue, options: list[str], expected: list[int]
) -> None:
    files = [
        queue.claim(queue.add(), "host:1:ab", "-1 second"),
        queue.claim(queue.add(), "host:1:ab", "1 hour"),
        queue.claim(queue.add(), "host:12:cd", "-1 second"),
        queue.claim(queue.add(), "old-style", None),
    ]
    before = queue.rows()
    total = f"{len(expected)} file{'' if len(expected) == 1 else 's'}"
    dry = queue.run("release", *options, "--dry-run").stdout
    assert dry.splitlines()[-1] == f"would release {total}"
    assert queue.rows() == before
    assert queue.run("release", *options).stdout == dry.replace("would release", "released")
    left = queue.connection.execute(
        "select audio_file_id from media_pipeline.transcription_claims order by 1"
    ).fetchall()
    assert [row[0] for row in left] == [
        file for number, file in enumerate(files) if number not in expected
    ]


def test_resume_lifts_a_pause(queue: Queue) -> None:
    queue.pause()
    before = queue.rows()
    assert queue.run("resume", "local").stdout == "local is not paused\n"
    assert queue.run("resume", "openai", "--dry-run").stdout.startswith("would resume openai, ")
    assert queue.rows() == before
    result = queue.run("resume", "openai").stdout
    assert result.startswith("resumed openai, paused since 2")
    assert result.endswith(": no credit\n")
    assert queue.run("resume", "openai").stdout == "openai is not paused\n"


def test_nothing_personal_is_shown(queue: Queue) -> None:
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
    ("error", "shown"),
    [
        (None, None),
        ("", ""),
        ("not audio: HTTP 404", "not audio: HTTP 404"),
        ("audio/mpeg is not 10.0.0.0/8", "audio/mpeg is not 10.0.0.0/8"),
        ("larger than 209,715,200 bytes", "larger than 209,715,200 bytes"),
        ("truncated: 12345.6 of 12345.9 seconds", "truncated: 12345.6 of 12345.9 seconds"),
        ("at https://a.test/x?y=1 it", "at […] it"),
        ("with url: /vr/PR_1.mp3", "with url: […]"),
        ("ask a@b.test\nnow", "ask […] now"),
        ("call +49 (151) 106-350 04 now", "call […] now"),
        ("x" * 300, "x" * 199 + "…"),
    ],
    ids=str,
)
def test_reasons_are_masked(error: str | None, shown: str | None) -> None:
    assert masked(error) == shown


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
def test_wrong_usage_changes_nothing(queue: Queue, arguments: list[str], words: str) -> None:
    queue.claim(queue.fail(), ttl="-1 second")
    before = queue.rows()
    assert words in queue.run(*arguments, code=2).stderr
    assert queue.rows() == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_options_can_come_from_the_environment(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    queue.fail("transient")
    queue.claim(queue.add(), ttl="-1 second")
    queue.pause()
    before = queue.rows()
    monkeypatch.setenv("TRANSCRIBER_DRY_RUN", "1")
    monkeypatch.setenv("TRANSCRIBER_JSON", "1")
    for option in command[1:]:
        monkeypatch.setenv(f"TRANSCRIBER_{option.removeprefix('--').upper()}", "1")
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
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.fail()
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    assert "HTTP 404" in queue.run("failures").stdout
    result = queue.run("retry", "--permanent", code=2)
    assert result.stderr.startswith("Error: PostgreSQL refused this: cannot execute ")
    assert result.stderr.count("\n") == 1
