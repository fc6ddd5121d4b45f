"""Recordings in large numbers, and statistics of their tables that mislead the planner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.refresh import statements

if TYPE_CHECKING:
    from psycopg import Connection

TABLES = ("public.contacts", "public.recordings", "media_pipeline.audio_files")
STATISTICS = ("never analysed", "analysed while empty", "stale")

CONTACTS_PER_RECORDING = 0.2
# Among the recordings that arrive later, this share comes late, and as many repeat a URL.
SPECIAL = 0.05


def contacts_of(recordings: int) -> int:
    """Return how many contacts belong to that many recordings."""
    return max(1, round(recordings * CONTACTS_PER_RECORDING))


def add_contacts(connection: Connection, count: int) -> None:
    """Insert contacts that are not there yet, with phones as people type them."""
    connection.execute(
        """
        insert into public.contacts
        select
            'K' || n,
            case when n %% 3 = 0 then '+49 30 ' else '0049-30/' end || to_char(n, 'FM0000000'),
            'CAMPAIGN' || 1 + n %% 8
        from generate_series(0, %s::bigint) as n
        on conflict do nothing
        """,
        [count - 1],
    )


def add_recordings(connection: Connection, count: int, *, first: int = 1, contacts: int) -> None:
    """Insert recordings of distinct URLs, one every 40 seconds."""
    _insert(connection, range(first, first + count), contacts, repeats=0, late=0)


def add_new_recordings(connection: Connection, count: int, *, known: int) -> None:
    """Insert recordings after the known ones: 5 % repeat a URL, and 5 % are late.

    A late recording is older than calls of its phone that have a number already.
    """
    special = round(count * SPECIAL)
    new = range(known + 1, known + 1 + count)
    _insert(connection, new, contacts_of(known), repeats=special, late=special)


def _insert(connection: Connection, ids: range, contacts: int, *, repeats: int, late: int) -> None:
    before = ids.start - 1
    connection.execute(
        """
        insert into public.recordings
        select
            n,
            'K' || ('x' || left(md5('contact' || n), 7))::bit(28)::integer %% %(contacts)s,
            'https://vault.example.test/vr/PR_'
                || md5('url' || case when n <= %(repeated)s then n - %(before)s else n end)::uuid
                || '.mp3',
            to_char(started, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
            to_char(started + n %% 1000 * interval '0.7 second', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        from generate_series(%(first)s::bigint, %(last)s::bigint) as n
        cross join lateral (
            select
                timestamp '2024-01-01'
                + case when n <= %(late)s then n - %(before)s else n end * interval '40 second'
        ) as call (started)
        """,
        {
            "before": before,
            "first": ids.start,
            "last": ids.stop - 1,
            "contacts": contacts,
            "repeated": before + repeats,
            "late": before + (repeats + late if late else 0),
        },
    )


def fill(connection: Connection, recordings: int, *, first: int = 1) -> None:
    """Insert recordings up to that number, and their contacts."""
    contacts = contacts_of(recordings)
    add_contacts(connection, contacts)
    add_recordings(connection, recordings - first + 1, first=first, contacts=contacts)


def without_autovacuum(connection: Connection, tables: tuple[str, ...] = TABLES) -> None:
    """Keep PostgreSQL from renewing the statistics of these tables."""
    for table in tables:
        connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())


def load_with_statistics(
    connection: Connection, statistics: str, recordings: int, refresh: list[statements.Transaction]
) -> None:
    """Fill the source, and leave the planner without statistics or with wrong ones.

    Stale statistics were taken when the first 1 % was catalogued. Those are calls of one phone, so
    the planner expects that a look-up of a phone finds the whole table.
    """
    if statistics == "stale":
        first = recordings // 100
        add_contacts(connection, 1)
        add_recordings(connection, first, contacts=1)
        statements.run(connection, refresh)
        for table in TABLES:
            connection.execute(f"analyze {table}".encode())
        fill(connection, recordings, first=first + 1)
    else:
        fill(connection, recordings)
    if statistics == "analysed while empty":
        empty_statistics(connection)


def empty_statistics(connection: Connection) -> None:
    """Make the planner believe that the tables had no rows when they had their present size."""
    connection.execute(
        """
        update pg_class set reltuples = 0, relpages = pg_relation_size(oid) / 8192
        where oid = any (%s::regclass[])
        """,
        [[*TABLES]],
    )
