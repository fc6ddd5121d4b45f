"""The refreshed tables in the form of the oracle, for comparing the two."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from tests.support.refresh.rows import AudioFile, Issue, Settings, Source

if TYPE_CHECKING:
    from psycopg import Connection

    from tests.support.refresh.oracle import Catalogue


def assert_as_expected(
    connection: Connection, catalogue: Catalogue, source: Source, settings: Settings, where: str
) -> None:
    """Compare both tables with the oracle's."""
    assert_same(audio_files(connection), catalogue.files, f"{where}: audio_files")
    assert_issues(connection, catalogue, source, settings, where)


def assert_issues(
    connection: Connection, catalogue: Catalogue, source: Source, settings: Settings, where: str
) -> None:
    """Compare recording_issues with the oracle's."""
    expected = sorted(catalogue.issues(source, settings), key=repr)
    assert_same(sorted(issues(connection), key=repr), expected, f"{where}: recording_issues")


def audio_files(connection: Connection) -> list[AudioFile]:
    """Return the table, with instants in microseconds as the oracle has them."""
    found = connection.execute(
        """
        select
            url, url_sha1, phone, campaign_name, recording_id,
            (extract(epoch from started) * 1000000)::bigint,
            (extract(epoch from stopped) * 1000000)::bigint,
            duration_seconds, index_in_phone, source_table, source_row_id
        from media_pipeline.audio_files order by id
        """
    )
    return [AudioFile(*row) for row in found]


def issues(connection: Connection) -> list[Issue]:
    """Return the view, with files named by their URL hash as the oracle names them."""
    found = connection.execute(
        """
        select recording_issues.source_row_id, issue, is_loaded, url_sha1
        from media_pipeline.recording_issues
        left join media_pipeline.audio_files on audio_file_id = audio_files.id
        """
    )
    return [Issue(*row) for row in found]


def misnumbered(connection: Connection) -> list[tuple[Any, ...]]:
    """Return the calls whose number is not their place among the calls of their phone."""
    return connection.execute(
        """
        select * from (
            select *, row_number() over (partition by phone order by started nulls last, id) as n
            from media_pipeline.audio_files where phone is not null
        ) as calls where index_in_phone is distinct from n
        """
    ).fetchall()


def insert_by_hand(connection: Connection, files: list[AudioFile]) -> None:
    """Insert as other programs do; PostgreSQL turns the oracle's microseconds into instants."""
    names = [*asdict(files[0])]
    values = [
        sql.SQL(
            "'epoch'::timestamptz + {} * interval '1 us'"
            if name in {"started", "stopped"}
            else "{}"
        ).format(sql.Placeholder())
        for name in names
    ]
    statement = sql.SQL("insert into media_pipeline.audio_files ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(values)
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [astuple(file) for file in files])


def assert_same(found: list[Any], expected: list[Any], of: str) -> None:
    """Show only the first difference, because pytest would take minutes to show all."""
    if found != expected:
        pairs = zip(found, expected, strict=False)
        differ = [
            f"found    {one!r:.3000}\nexpected {other!r:.3000}"
            for one, other in pairs
            if one != other
        ]
        more = f"left over: {[*found[len(expected) :], *expected[len(found) :]][:1]!r:.3000}"
        pytest.fail(
            f"{of}: {len(found)} found, {len(expected)} expected, {len(differ)} differ\n"
            f"{differ[0] if differ else more}"
        )
