"""The refresh without dbt: the statements that it runs, and recordings at scale to run them on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

CAMPAIGNS = [f"CAMPAIGN{n}" for n in range(1, 9)]
LABEL = "outbound campaigns"
VARS: dict[str, Any] = {"campaign_ids": CAMPAIGNS, "default_campaign_name": LABEL}
TABLES = ("public.contacts", "public.recordings", "media_pipeline.audio_files")

CONTACTS_PER_RECORDING = 0.2
# of the recordings that arrive later: as many come late, and as many repeat a URL
SPECIAL = 0.05

# from the query's first word on, behind dbt's comment; what else a model asks is the catalogue's
_WRITES = re.compile(r"(/\*.*?\*/)?\s*(set local|insert into|update|with)\b", re.DOTALL)


@dataclass(frozen=True)
class Transaction:
    """What one model of the refresh writes: its statements, in their order."""

    model: str
    statements: tuple[str, ...]


def queries(dbt: Dbt) -> Iterator[tuple[str, str]]:
    """Yield node and text of each query of a dbt command that logged JSON."""
    with (dbt.folder / "logs" / "dbt.log").open("rb") as log:
        for line in log:
            event = json.loads(line)
            if event["info"]["name"] == "SQLQuery":
                node = event["data"].get("node_info", {}).get("unique_id", "")
                yield node, event["data"]["sql"]


def transactions(dbt: Dbt, database: str) -> list[Transaction]:
    """Return what a refresh writes to audio_files, as `dbt run` sends it.

    The text does not depend on what the tables hold: this may run on empty ones. What follows on
    rows that audio_file_gaps filled in is then left out.
    """
    (dbt.folder / "logs" / "dbt.log").unlink(missing_ok=True)
    dbt.run("run", "--log-format-file", "json", **VARS)
    written: dict[str, list[str]] = {}
    for node, text in queries(dbt):
        if _WRITES.match(text):
            # dbt names the database too; without, the statements serve any copy
            written.setdefault(node, []).append(text.replace(f'"{database}".', ""))
    return [
        Transaction(node.rpartition(".")[2], (*texts,))
        for node, texts in written.items()
        if len(texts) > 1  # views only take their turn
    ]


def run(connection: Connection, refresh: list[Transaction]) -> None:
    """Run the refresh's own SQL."""
    for each in refresh:
        with connection.transaction():
            for statement in each.statements:
                connection.execute(statement.encode())


def contacts_of(recordings: int) -> int:
    """Return how many contacts so many recordings have."""
    return max(1, round(recordings * CONTACTS_PER_RECORDING))


def add_contacts(connection: Connection, count: int) -> None:
    """Insert contacts that are not there yet, their phones as somebody typed them."""
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
    """Insert recordings after those that are known: 5 % repeat a URL, and 5 % are late.

    A late one belongs before calls of its phone that are numbered already.
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
    """Insert recordings up to this number, and their contacts."""
    contacts = contacts_of(recordings)
    add_contacts(connection, contacts)
    add_recordings(connection, recordings - first + 1, first=first, contacts=contacts)


STATISTICS = ("never analysed", "analysed while empty", "stale")


def without_autovacuum(connection: Connection) -> None:
    """Leave the statistics of the refresh's tables as they are from here on."""
    for table in TABLES:
        connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())


def load_with_statistics(
    connection: Connection, statistics: str, recordings: int, refresh: list[Transaction]
) -> None:
    """Fill the source; leave the planner with statistics that tell nothing, or the wrong thing.

    Stale ones are of the first 1 %, catalogued: all calls of one phone, so that a look-up of a
    phone seems to find the whole table.
    """
    if statistics == "stale":
        first = recordings // 100
        add_contacts(connection, 1)
        add_recordings(connection, first, contacts=1)
        run(connection, refresh)
        for table in TABLES:
            connection.execute(f"analyze {table}".encode())
        fill(connection, recordings, first=first + 1)
    else:
        fill(connection, recordings)
    if statistics == "analysed while empty":
        empty_statistics(connection)


def empty_statistics(connection: Connection) -> None:
    """Let the planner believe that the tables were seen empty at their size of now."""
    connection.execute(
        """
        update pg_class set reltuples = 0, relpages = pg_relation_size(oid) / 8192
        where oid = any (%s::regclass[])
        """,
        [[*TABLES]],
    )
