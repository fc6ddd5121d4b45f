"""The SQL functions of the schema: url_sha1, url_host and try_timestamptz."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import psycopg
import pytest

from tests.support.database.catalogue import url_sha1
from tests.support.database.migrations import (
    connect,
    rows,
)
from transcriber.db import migrate


def texts_to_hash() -> list[str]:
    """Return texts of every length up to two blocks of SHA-1, in many scripts, and long ones."""
    chance = random.Random(20241031)
    letters = "abcXYZ019-._/:?&=%~ äöüßéλж中文語🎧📞𐍈\u0301\u00a0\n\t"
    return [
        "",
        *("a" * length for length in range(1, 131)),
        *("".join(chance.choices(letters, k=chance.randrange(1, 300))) for _ in range(200)),
        *(f"https://vault.example.test/vr/PR_{chance.getrandbits(128):x}.mp3" for _ in range(50)),
        "\U0010ffff" * 33,
        "long " * 1640,
    ]


def assert_hashes_like_hashlib(database: dict[str, str]) -> None:
    """Compare the database's hashes with Python's."""
    texts = texts_to_hash()
    with connect(database) as connection:
        # The hash must not depend on the client's encoding.
        found = connection.execute(
            "select media_pipeline.url_sha1(text) from unnest(%s::text[])"
            " with ordinality as texts (text, place) order by place",
            [texts],
        ).fetchall()
        assert connection.execute("select media_pipeline.url_sha1(null)").fetchone() == (None,)
    assert [hash_ for (hash_,) in found] == [url_sha1(text) for text in texts]


LANGUAGE = """
    select lanname from pg_language
    inner join pg_proc on pg_language.oid = prolang where proname = 'url_sha1'
"""


def test_url_sha1_is_sha1(database: dict[str, str]) -> None:
    offered = rows(database, "select from pg_available_extensions where name = 'pgcrypto'")

    assert rows(database, LANGUAGE) == [("sql" if offered else "plpgsql",)]
    assert_hashes_like_hashlib(database)
    plan = "explain verbose select media_pipeline.url_sha1(url) from media_pipeline.audio_files"
    # PostgreSQL inlines the function, which makes it a hundred times faster than a call.
    assert ("encode(digest(url" in str(rows(database, plan))) == bool(offered)


@pytest.mark.usefixtures("as_unprivileged_owner")
def test_url_sha1_is_sha1_without_pgcrypto(
    empty_database: dict[str, str],
) -> None:
    migrate.apply()

    assert rows(empty_database, LANGUAGE) == [("plpgsql",)]
    assert_hashes_like_hashlib(empty_database)


def utc(*parts: int) -> datetime:
    """Return an instant."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


# Texts, and the instants that they mean where the source's time zone is Europe/Berlin.
TIMESTAMPS: list[tuple[str | None, datetime | None]] = [
    ("2024-10-31T10:57:01.569Z", utc(2024, 10, 31, 10, 57, 1, 569000)),
    ("2024-10-31t10:57:01z", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01 UTC", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01 GMT", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01+00", utc(2024, 10, 31, 10, 57, 1)),
    ("2024-10-31 10:57:01-05", utc(2024, 10, 31, 15, 57, 1)),
    ("2024-10-31 10:57:01 -0330", utc(2024, 10, 31, 14, 27, 1)),
    ("2024-10-31T10:57:01.5+05:45", utc(2024, 10, 31, 5, 12, 1, 500000)),
    ("2024-10-31 10:57:01", utc(2024, 10, 31, 9, 57, 1)),
    ("2024-07-31 10:57:01.123456", utc(2024, 7, 31, 8, 57, 1, 123456)),
    ("2024-10-31T10:57", utc(2024, 10, 31, 9, 57)),
    ("  2024-10-31 10:57:01\n", utc(2024, 10, 31, 9, 57, 1)),
    ("2024-10-31", utc(2024, 10, 30, 23)),
    ("2024-10-31T24:00:00", utc(2024, 10, 31, 23)),
    ("2024-02-29 12:00", utc(2024, 2, 29, 11)),
    # When clocks went forward, 02:30 was skipped. When they went back, 02:30 came twice, and
    # PostgreSQL takes the second.
    ("2024-03-31 02:30", utc(2024, 3, 31, 1, 30)),
    ("2024-10-27 02:30", utc(2024, 10, 27, 1, 30)),
    (None, None),
    ("", None),
    ("2023-02-29 12:00", None),
    ("2024-13-01", None),
    ("2024-10-31 25:00", None),
    ("2024-10-31 10:57:01+99", None),
    ("2024-10-31 10:57:01 +02:00 +02:00", None),
    # In these, a plain cast would read ten minutes past midnight, twenty past eight, and eleven.
    ("2024-10-31 10:57.5", None),
    ("2024-10-31T10:57.5Z", None),
    ("2024-10-31 2024.001", None),
    ("2024-10-31 1060", None),
    ("31.10.2024 10:57", None),
    ("10/31/2024", None),
    ("1730372221", None),
    ("now", None),
    ("infinity", None),
    ("2024-10-31 infinity", None),
    ("2024-10-31 epoch", None),
    ("2024-10-31 allballs", None),
    ("2024-10-31 BC", None),
    ("2024-10-31 10:57 PM", None),
    # A plain cast of these depends on the session's time zone or on the server's version.
    ("2024-10-31 10:57:01 CST", None),
    ("2024-10-31 10:57:01 LMT", None),
    ("2024-10-31 10:57:01 J", None),
    ("2024-10-31 10:57:01 GMT+2", None),
    ("not known", None),
]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Shanghai"])
@pytest.mark.parametrize("date_style", ["ISO, DMY", "SQL, MDY"])
def test_try_timestamptz_does_not_depend_on_the_session(
    database: dict[str, str], zone: str, date_style: str
) -> None:
    with connect(database, options=f"-c timezone={zone}") as connection:
        connection.execute("select set_config('datestyle', %s, false)", [date_style])
        found = connection.execute(
            # The query returns seconds, because psycopg reads no timestamps in the style SQL.
            "select extract(epoch from media_pipeline.try_timestamptz(text, 'Europe/Berlin'))"
            " from unnest(%s::text[]) with ordinality as texts (text, place) order by place",
            [[text for text, _ in TIMESTAMPS]],
        ).fetchall()

    expected = [(text, when and when.timestamp()) for text, when in TIMESTAMPS]
    assert [
        (text, None if seconds is None else float(seconds))
        for (text, _), (seconds,) in zip(TIMESTAMPS, found, strict=True)
    ] == expected


def test_try_timestamptz_does_not_hide_a_wrong_zone(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="Europe/Berln"):
        connection.execute("select media_pipeline.try_timestamptz('2024-10-31', 'Europe/Berln')")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://vault.example.test/vr/PR_1.mp3?x=1", "vault.example.test"),
        ("HTTP://Vault.Example.TEST:8080/vr", "vault.example.test:8080"),
        ("  https://user:secret@vault.example.test?x", "vault.example.test"),
        ("https://[2001:db8::1]:81/x", "[2001:db8::1]:81"),
        ("https://vault.example.test", "vault.example.test"),
        ("/vr/PR_1.mp3", None),
        ("https:///x", None),
        ("", None),
        (None, None),
    ],
)
def test_url_host(database: dict[str, str], url: str | None, host: str | None) -> None:
    with connect(database) as connection:
        found = connection.execute("select media_pipeline.url_host(%s)", [url]).fetchone()
    assert found == (host,)
