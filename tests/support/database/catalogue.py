"""Audio files and the rows of the queue, for tests and benchmarks of the transcriber."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

CLAIMS = "select count(*) from media_pipeline.transcription_claims"
FAILURES = "select count(*) from media_pipeline.transcription_failures"
PENDING = "select count(*) from media_pipeline.transcriptions where status = 'pending'"
COMPLETED = "select count(*) from media_pipeline.transcriptions where status = 'completed'"
STATUS = "select status from media_pipeline.transcriptions"
DELETE_CLAIMS = "delete from media_pipeline.transcription_claims"


def url_sha1(url: str) -> str:
    """Return the key by which every program knows a URL."""
    return hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()


def add_audio_file(connection: Connection, url: str, **columns: Any) -> int:
    """Insert a file by hand and return its id."""
    values = {"url": url, "url_sha1": url_sha1(url), **columns}
    statement = sql.SQL("insert into media_pipeline.audio_files ({}) values ({}) returning id")
    row = connection.execute(
        statement.format(
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    ).fetchone()
    assert row is not None
    return int(row[0])


def one(connection: Connection, statement: str, *parameters: Any) -> Any:
    """Return the only row of a query, or its value if it has one column."""
    (row,) = connection.execute(statement.encode(), parameters).fetchall()
    return row[0] if len(row) == 1 else row


def add_many_audio_files(connection: Connection, files: int) -> None:
    """Insert files that began a minute apart, with a thousand phones and ten campaigns."""
    connection.execute(
        """
        insert into media_pipeline.audio_files
        (url, url_sha1, started, duration_seconds, phone, campaign_name)
        select
            'https://vault.example.test/vr/' || n || '.mp3',
            lpad(to_hex(n), 40, '0'),
            timestamptz '2024-01-01' + n * interval '1 minute',
            120,
            '+493023125' || lpad((n %% 1000)::text, 3, '0'),
            'campaign ' || n %% 10
        from generate_series(1, %s) as n
        """,
        [files],
    )


def add_history(connection: Connection, *, done: int, permanent: int = 0, cooling: int = 0) -> None:
    """Complete the oldest files, let the next ones fail for good, and others cool down."""
    connection.execute(
        """
        insert into media_pipeline.transcriptions (audio_file_id, transcript_text, metadata)
        select id, 'hello', '{"worker": "somebody"}'
        from media_pipeline.audio_files order by id limit %s
        """,
        [done],
    )
    connection.execute(
        """
        insert into media_pipeline.transcription_failures
        (audio_file_id, status, error, ignore_until)
        select
            id,
            case when row_number() over (order by id) <= %(permanent)s
                then 'permanent' else 'transient' end,
            'HTTP 503',
            case when row_number() over (order by id) > %(permanent)s
                then now() + interval '1 hour' end
        from media_pipeline.audio_files order by id offset %(done)s limit %(failed)s
        """,
        {"done": done, "permanent": permanent, "failed": permanent + cooling},
    )
