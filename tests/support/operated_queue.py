"""Files in every state that an operator may meet, and the commands that an operator runs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from tests.support.database.catalogue import add_audio_file, one
from transcriber.cli.main import main

if TYPE_CHECKING:
    import psycopg

TABLES = (
    "transcriptions",
    "transcription_failures",
    "transcription_claims",
    "provider_pauses",
    "service_outages",
)
PRIVATE = ("+493023125001", "0302 3125 001", "PR_secret", "vault.example.test", "guten tag")


class OperatedQueue:
    """The tables of the queue, whose files a test brings into the states that it needs."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Take a connection to a migrated database."""
        self.connection = connection

    def add(self, status: str | None = "pending", **columns: Any) -> int:
        """Add a file of 30 minutes with a row in the queue, or without one if status is None."""
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

    def complete(self, seconds: Any, ago: timedelta = timedelta()) -> int:
        """Add a file that was completed some time ago, and whose sound has this length."""
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
        state: str | None = "failed",
        **columns: Any,
    ) -> int:
        """Add a file that failed; a transient failure cools down until that time from now."""
        file_id = self.add(state, **columns)
        self.connection.execute(
            "insert into media_pipeline.transcription_failures"
            " (audio_file_id, status, error_code, error, ignore_until)"
            " values (%s, %s, %s, %s, now() + %s::interval)",
            [file_id, status, code, error, until if status == "transient" else None],
        )
        return file_id

    def claim(self, file_id: int, worker: str = "host:1:ab", ttl: str | None = "1 hour") -> int:
        """Claim a file for a worker; a claim with a negative ttl has expired already."""
        self.connection.execute(
            "insert into media_pipeline.transcription_claims values (%s, %s, now(), now() + %s)",
            [file_id, worker, ttl],
        )
        return file_id

    def pause(self) -> None:
        """Pause the provider openai for all workers."""
        self.connection.execute(
            "insert into media_pipeline.provider_pauses values ('openai', 'no credit', 'h:1:ab')"
        )

    def lose_host(self) -> None:
        """Record that a host of recordings is away."""
        self.connection.execute(
            "insert into media_pipeline.service_outages (service, is_provider, reason, next_try_at)"
            " values ('away.example.test', false, 'HTTP 503', now() + interval '1 minute')"
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
        """Return the ids of the files that have a failure."""
        ids = "select audio_file_id from media_pipeline.transcription_failures order by 1"
        return [row[0] for row in self.connection.execute(ids)]

    def rows(self) -> list[Any]:
        """Return every row that the commands may change."""
        statement = "select array_agg(each::text order by each::text) from media_pipeline.{} each"
        return [self.one(statement.format(table)) for table in TABLES]
