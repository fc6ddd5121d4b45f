"""The refresh gives the same tables on every server and from every type of column."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.support import REPOSITORY
from tests.support.refresh.compare import assert_as_expected, issues
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt, finish
from tests.support.refresh.dirt import Dirt, write
from tests.support.refresh.oracle import Catalogue
from tests.support.refresh.rows import Recording, Settings, Source
from tests.support.refresh.timestamps import instant
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = Settings(source_timezone="Europe/Berlin")


@dataclass(frozen=True)
class Variant:
    """A database with settings of its sessions and types of the dialer's columns."""

    timezone: str
    date_style: str
    timestamps: str = "text"
    speaks_a_language: bool = False
    has_pgcrypto: bool = True


VARIANTS = [
    Variant("UTC", "ISO, MDY"),
    Variant("America/St_Johns", "German, DMY", "varchar(64)", speaks_a_language=True),
    Variant("America/St_Johns", "SQL, DMY", "timestamptz", has_pgcrypto=False),
    Variant("Europe/Berlin", "Postgres, MDY", "timestamp", speaks_a_language=True),
]


def language(connection: psycopg.Connection) -> str:
    """Return options for a database that sorts as people do, if the server has such a locale."""
    found = connection.execute(
        """
        select collprovider, collname from pg_collation
        where collname = 'de-x-icu' or collprovider = 'c' and collname ~ '^[a-z]{2}_.*utf-?8$'
        order by collprovider desc
        """
    ).fetchall()
    for provider, name in found:
        return "icu_locale 'de' locale_provider icu" if provider == "i" else f"locale '{name}'"
    # This locale has no language, but knows more letters and digits than C. It came with 17.
    is_new = connection.info.server_version >= 170000
    return "locale_provider builtin builtin_locale 'PG_UNICODE_FAST'" if is_new else ""


@contextlib.contextmanager
def database(server: dict[str, str], variant: Variant) -> Iterator[psycopg.Connection]:
    """Create a migrated database, point PG* at it, and yield a connection to it."""
    name = f"variant_{os.getpid()}_{os.urandom(3).hex()}"
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for variable, value in server.items():
            patch.setenv(variable, value)
        admin = stack.enter_context(psycopg.connect(autocommit=True))
        options = language(admin) if variant.speaks_a_language else "locale 'C'"
        create = f"create database {name} template template0 encoding 'UTF8' {options}"
        admin.execute(create.encode())
        stack.callback(admin.execute, f"drop database {name} (force)".encode())
        for setting, value in ("timezone", variant.timezone), ("datestyle", variant.date_style):
            admin.execute(f"alter database {name} set {setting} = '{value}'".encode())
        patch.setenv("PGDATABASE", name)
        migrate.apply()
        connection = stack.enter_context(psycopg.connect(autocommit=True))
        if not variant.has_pgcrypto:
            migration = (REPOSITORY / "migrations" / "0002.create-url-sha1.sql").read_text()
            loops = re.findall(r"execute \$sql\$(.*?)\$sql\$", migration, re.DOTALL)
            connection.execute(loops[0].encode())
        connection.execute(SOURCE_TABLES)
        yield connection


def dirty_source() -> Source:
    """Return a few rows of all kinds, and names of a campaign that languages sort differently."""
    dirt = Dirt(20262)
    dirt.add_contacts(150)
    dirt.add_recordings(900)
    source = dirt.source
    source.campaign_map = [("C1", "Zebra"), ("C1", "apple"), ("C1", "Äpfel"), ("C2", None)]
    # The offsets of those days had seconds, and some languages sort ß as two letters.
    for number, text in enumerate(["1890-01-01T00:00:00Z", "1884-06-01", "0007-01-01 00:00+00"]):
        source.recordings[-number] = Recording(-number, "K1", f"/PR_ß{number}", text, text)
    return source


def with_timestamps(source: Source) -> Source:
    """Return the rows as columns of a timestamp type can hold them: with local times or nulls."""

    def local(text: str | None) -> str | None:
        found = instant(text, "UTC")
        if found is None:
            return None
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)
        return str(moment.replace(tzinfo=None))

    rows = {
        row.id: row._replace(started=local(row.started), stopped=local(row.stopped))
        for row in source.recordings.values()
    }
    return Source(source.contacts, rows, source.campaign_map)


def change_types(connection: psycopg.Connection, variant: Variant) -> None:
    """Give the timestamps another type than text; without an offset they are Berlin's time."""
    value = "{}::timestamp at time zone 'Europe/Berlin'"
    value = value if variant.timestamps == "timestamptz" else f"{{}}::{variant.timestamps}"
    for column in ("started", "stopped"):
        connection.execute(
            sql.SQL("alter table recordings alter {} type {} using {}").format(
                sql.Identifier(column),
                sql.SQL(variant.timestamps),
                sql.SQL(value).format(sql.Identifier(column)),
            )
        )


def test_every_server_and_session_gives_the_same(server: dict[str, str], tmp_path: Path) -> None:
    as_text = dirty_source()
    as_timestamps = with_timestamps(as_text)
    with contextlib.ExitStack() as stack:
        builds = []
        for number, variant in enumerate(VARIANTS):
            connection = stack.enter_context(database(server, variant))
            source = as_timestamps if variant.timestamps.startswith("timestamp") else as_text
            write(connection, source, Dirt(number).random)
            change_types(connection, variant)
            process = Dbt(tmp_path / str(number)).start("run", **asdict(SETTINGS))
            builds.append((process, connection, source, variant))
        for process, connection, source, variant in builds:
            finish(process)
            catalogue = Catalogue()
            catalogue.refresh(source, SETTINGS)
            assert_as_expected(connection, catalogue, source, SETTINGS, str(variant))


def test_ids_and_phones_may_be_numbers_and_collations_differ(
    connection: psycopg.Connection, dbt: Dbt
) -> None:
    connection.execute(
        """
        create domain row_number as integer;
        create table contacts (
            "$id" bigint primary key, "$phone" bigint, "$campaign_id" text collate "POSIX"
        );
        create table recordings (
            id row_number primary key, contact_id character(8), location text collate "POSIX",
            started char(30) collate "C", stopped timestamptz(0)
        );
        create extension file_fdw;
        create server files foreign data wrapper file_fdw;
        create foreign table campaign_map (campaign_id char(9) collate "C", campaign name)
        server files options (program 'echo C1,Spring', format 'csv');
        insert into contacts values (7, 493023125001, 'C1');
        insert into recordings values
            (1, '7', 'https://vault.example.test/1', '2026-01-01 00:00Z', '2026-01-01 00:01Z'),
            (2, '07', 'https://vault.example.test/2', 'yesterday', null)
        """
    )
    dbt.run("run")
    found = connection.execute(
        """
        select phone, campaign_name, duration_seconds, array(
            select source_row_id || ' ' || issue from media_pipeline.recording_issues
        ) from media_pipeline.audio_files
        """
    ).fetchall()
    assert found == [("493023125001", "Spring", 60, ["2 contact_missing"])]

    # dbt refuses every type that it cannot read, each on a line of its own, before it writes.
    connection.execute(
        """
        alter table recordings alter started type integer using 1767225600;
        alter table recordings alter stopped type date;
        alter table recordings alter id type numeric(10);
        alter table recordings alter location type bytea using 'x';
        alter table contacts alter "$phone" type jsonb using '"x"';
        alter foreign table campaign_map alter campaign type integer
        """
    )
    integers = "smallint, integer, bigint"
    times = "timestamp without time zone, timestamp with time zone"
    lines = [line.strip() for line in dbt.fail("run").splitlines()]
    assert [line for line in lines if "supported are" in line] == [
        f'the column {column} of "public"."{table}" is of the type {found}; supported are {types}'
        for table, column, found, types in [
            ("campaign_map", "campaign", "integer", "text"),
            ("contacts", "$phone", "jsonb", f"text, {integers}"),
            ("recordings", "id", "numeric(10,0)", integers),
            ("recordings", "location", "bytea", "text"),
            ("recordings", "started", "integer", f"text, {times}"),
            ("recordings", "stopped", "date", f"text, {times}"),
        ]
    ]


def test_columns_of_other_types_and_owners_who_change_them(
    connection: psycopg.Connection, dbt: Dbt
) -> None:
    connection.execute(
        """
        create table contacts (
            "$id" varchar(20) primary key, "$phone" varchar(40), "$campaign_id" varchar(20)
        );
        create table recordings (
            id smallint primary key, contact_id varchar(20), location varchar(200),
            started timestamptz, stopped timestamp
        );
        insert into contacts values ('K1', '+49 30 23125001', 'C1');
        insert into recordings values
            (1, 'K1', 'https://vault.example.test/1.mp3', '2026-07-01 10:00Z', '2026-07-01 12:01'),
            (2, 'K1', 'https://vault.example.test/2.mp3', 'infinity', null)
        """
    )
    dbt.run("build", source_timezone="Europe/Berlin")
    found = connection.execute(
        """
        select source_row_id, campaign_name, duration_seconds, started is null
        from media_pipeline.audio_files order by id
        """
    ).fetchall()
    assert found == [(1, "unknown", 60, False), (2, "unknown", None, True)]
    assert [issue[:2] for issue in issues(connection)] == [(2, "started_unreadable")]

    connection.execute(
        """
        alter table recordings alter column started type text using 'yesterday';
        alter table recordings alter column id type bigint
        """
    )
    assert [issue[:2] for issue in issues(connection)] == [(2, "started_unreadable")]
    connection.execute("drop table recordings, contacts")
