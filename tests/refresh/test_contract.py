"""What each source row becomes: loaded, or listed with an issue that says what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.database.catalogue import add_audio_file, one, url_sha1
from tests.support.refresh.compare import misnumbered
from tests.support.refresh.dbt import generate_recordings

if TYPE_CHECKING:
    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

VAULT = "https://vault.example.test/vr"
BERLIN = ZoneInfo("Europe/Berlin")
NOON = "2026-07-01 12:00:00"

SEVERITIES = {
    "url_missing": "error",
    "contact_missing": "error",
    "phone_missing": "error",
    "campaign_not_selected": "info",
    "duplicate_url": "info",
    "duplicate_recording_id": "warning",
    "started_unreadable": "warning",
    "stopped_unreadable": "warning",
    "negative_duration": "warning",
}
UNREADABLE = {"started_unreadable", "stopped_unreadable"}
DEFECTS = UNREADABLE | {"negative_duration"}

CONTACTS: dict[str, tuple[str | None, str | None]] = {
    "typed": (" +49 30 / 23125-001 ", "SPRING"),
    "same phone": ("+493023125001", "TWICE"),
    "double zero": ("0049 (30) 23125002", "UNNAMED"),
    "null name": ("+49 30 23125003", "NULL"),
    "no phone": (None, "SPRING"),
    "no digit": (" + ", "SPRING"),
    "words": ("unknown", "SPRING"),
    "not selected": ("+49 30 23125004", "INTERNAL"),
    "no campaign": ("+49 30 23125005", None),
    "nothing right": (None, "INTERNAL"),
}
CAMPAIGN_MAP = [("SPRING", "Spring"), ("TWICE", "B"), ("TWICE", "A"), ("NULL", None)]
NAMES = {"SPRING": "Spring", "TWICE": "A"}
SELECTED = ["SPRING", "TWICE", "UNNAMED", "NULL"]
VARS = {
    "campaign_ids": SELECTED,
    "default_campaign_name": "it's new",
    "source_timezone": "Europe/Berlin",
}


@dataclass(frozen=True)
class Case:
    """A source row and what must become of it."""

    id: int
    contact: str | None
    location: str | None
    started: str | None = NOON
    stopped: str | None = None
    issues: set[str] = field(default_factory=set)
    duplicate_of: int | None = None

    @property
    def is_loaded(self) -> bool:
        return self.issues <= DEFECTS


CASES = [
    Case(1, "typed", f"{VAULT}/PR_1-a.mp3", "2026-07-01T10:00:00.250Z", "2026-07-01T10:02:37Z"),
    Case(2, "same phone", f"{VAULT}/PR_2.mp3", "2026-03-29 01:30:00", "2026-03-29 03:30:00"),
    Case(3, "double zero", f"{VAULT}/plain.mp3", None, NOON),
    Case(4, "null name", f"{VAULT}/PR_ä%20 ö/x.mp3?a='b'", "2026-07-01 12:00:00+05:30"),
    Case(5, "typed", "PR_5", "", "  "),
    # These are not loaded.
    Case(10, "typed", None, issues={"url_missing"}),
    Case(11, "typed", " \t\r\n", issues={"url_missing"}),
    Case(12, "nobody", f"{VAULT}/PR_12.mp3", issues={"contact_missing"}),
    Case(13, None, f"{VAULT}/PR_13.mp3", issues={"contact_missing"}),
    Case(14, "no phone", f"{VAULT}/PR_14.mp3", issues={"phone_missing"}),
    Case(15, "no digit", f"{VAULT}/PR_15.mp3", issues={"phone_missing"}),
    Case(16, "words", f"{VAULT}/PR_16.mp3", issues={"phone_missing"}),
    Case(17, "not selected", f"{VAULT}/PR_17.mp3", issues={"campaign_not_selected"}),
    Case(18, "no campaign", f"{VAULT}/PR_18.mp3", issues={"campaign_not_selected"}),
    Case(19, "nothing right", "", issues={"url_missing", "phone_missing", "campaign_not_selected"}),
    # Of copies, the refresh loads the lowest id that it can load.
    Case(21, "no phone", f"{VAULT}/PR_copy.mp3", issues={"phone_missing"}),
    Case(22, "typed", f"{VAULT}/PR_copy.mp3"),
    Case(23, "double zero", f"{VAULT}/PR_copy.mp3", issues={"duplicate_url"}, duplicate_of=22),
    Case(24, "typed", f"{VAULT}/PR_copy.wav", issues={"duplicate_recording_id"}, duplicate_of=22),
    Case(25, "typed", f"{VAULT}/copy.mp3"),
    Case(26, "typed", f"{VAULT}/copy.mp3", issues={"duplicate_url"}, duplicate_of=25),
    # Of these, other programs have inserted a copy.
    Case(31, "typed", f"{VAULT}/by-hand.mp3", issues={"duplicate_url"}, duplicate_of=-1),
    Case(32, "typed", f"{VAULT}/PR_hand.mp3", issues={"duplicate_recording_id"}, duplicate_of=-1),
    # These are loaded with a defect.
    Case(41, "typed", f"{VAULT}/PR_41.mp3", "yesterday", issues={"started_unreadable"}),
    Case(42, "typed", f"{VAULT}/PR_42.mp3", NOON, "2026-02-30", issues={"stopped_unreadable"}),
    Case(43, "typed", f"{VAULT}/PR_43.mp3", "01.07.2026", "now", issues=UNREADABLE),
    Case(44, "typed", f"{VAULT}/PR_44.mp3", NOON, "2026-07-01", issues={"negative_duration"}),
]  # fmt: skip


def timestamp(text: str | None) -> datetime | None:
    """Read a timestamp of the cases above; without an offset it is local time."""
    if text is None or not text.startswith("2026-0") or text == "2026-02-30":
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)).astimezone(UTC)


def expected(case: Case) -> dict[str, Any]:
    """Return the row of audio_files that a loaded case becomes, without its number."""
    assert case.contact is not None
    assert case.location is not None
    phone, campaign = CONTACTS[case.contact]
    assert phone is not None
    started, stopped = timestamp(case.started), timestamp(case.stopped)
    recording_id = re.search(r"/(PR_[^./]+)", case.location)
    duration = None
    if started is not None and stopped is not None and stopped >= started:
        duration = (stopped - started).total_seconds()
    return {
        "phone": re.sub(r"[^0-9+]", "", phone),
        "campaign_name": NAMES.get(campaign or "", "it's new"),
        "recording_id": recording_id and recording_id[1],
        "url": case.location,
        "url_sha1": url_sha1(case.location),
        "started": started,
        "stopped": stopped,
        "duration_seconds": duration,
        "source_table": "public.recordings",
        "source_row_id": case.id,
    }


def rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()


def row_versions(connection: Connection) -> list[tuple[Any, ...]]:
    """Return values that change whenever PostgreSQL writes a row of the catalogue."""
    return rows(connection, "select id, ctid, xmin from media_pipeline.audio_files order by id")


def issues(connection: Connection, *, of: range = range(1_000_000)) -> set[tuple[int, str]]:
    found = rows(connection, "select source_row_id, issue from media_pipeline.recording_issues")
    return {(row, issue) for row, issue in found if row in of}


@pytest.mark.usefixtures("source")
def test_models_pass_their_unit_tests(dbt: Dbt) -> None:
    """They run by name, because the default selector leaves them out of `dbt build`."""
    said = dbt.run("test", "--select", "test_type:unit")
    assert re.search(r"PASS=\d\d WARN=0 ERROR=0 SKIP=0", said)


def test_every_row_is_loaded_or_listed_and_repairs_are_seen(source: Connection, dbt: Dbt) -> None:
    with source.cursor() as cursor:
        cursor.executemany(
            "insert into contacts values (%s, %s, %s)",
            [(contact, *values) for contact, values in CONTACTS.items()],
        )
        cursor.executemany("insert into campaign_map values (%s, %s)", CAMPAIGN_MAP)
        cursor.executemany(
            "insert into recordings values (%s, %s, %s, %s, %s)",
            [(c.id, c.contact, c.location, c.started, c.stopped) for c in reversed(CASES)],
        )
    by_hand = [
        add_audio_file(source, f"{VAULT}/by-hand.mp3"),
        add_audio_file(source, f"{VAULT}/1.mp3", recording_id="PR_hand", phone="+493023125001"),
    ]

    # The result must not depend on the session's zone or on its way to write dates.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGOPTIONS", "-c timezone=Asia/Kolkata -c datestyle=German")
        dbt.run("build", **VARS)

    with source.cursor() as cursor:
        cursor.execute("select * from media_pipeline.audio_files where source_table is not null")
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        loaded = {
            row["source_row_id"]: row for row in (dict(zip(names, r, strict=True)) for r in cursor)
        }
    assert {*loaded} == {case.id for case in CASES if case.is_loaded}
    for case in CASES:
        if case.is_loaded:
            assert loaded[case.id].items() >= expected(case).items()
    assert misnumbered(source) == []
    assert {case.id for case in CASES} == {*loaded} | {
        row for row, issue in issues(source) if issue not in DEFECTS
    }

    source.execute("set datestyle = 'German'; set timezone = 'Asia/Kolkata'")
    assert rows(
        source,
        """
        select source_row_id, issue, is_loaded, audio_file_id, source_table
        from media_pipeline.recording_issues order by source_row_id, issue
        """,
    ) == [
        (
            case.id,
            issue,
            case.is_loaded,
            loaded[case.id]["id"] if case.is_loaded
            else loaded[case.duplicate_of]["id"] if case.duplicate_of in loaded
            else by_hand[case.id - 31] if case.duplicate_of
            else None,
            "public.recordings",
        )
        for case in CASES
        for issue in sorted(case.issues)
    ]  # fmt: skip
    source.execute("reset all")

    # A second build writes nothing, even when it is told to refresh fully.
    before = row_versions(source)
    said = dbt.run("build", "--full-refresh", **VARS)
    assert "--full-refresh is ignored" in said
    assert row_versions(source) == before

    # People repair a phone, a contact, a URL and a start; the dialer uses an id again and
    # commits another one late.
    source.execute(
        """
        update contacts set "$phone" = '+49 30 23125-001' where "$id" = 'no phone';
        insert into contacts values ('nobody', '+49 30 23125 009', 'SPRING');
        update recordings set location = 'https://vault.example.test/10.mp3' where id = 10;
        update recordings set started = '2026-01-01 00:00Z', stopped = '2026-01-01 00:00:09Z'
        where id = 41;
        update recordings set location = 'https://vault.example.test/2.mp3' where id = 2;
        insert into recordings values (
            0, 'typed', 'https://vault.example.test/0.mp3', '2025-01-01 00:00Z', '2025-01-01 00:01Z'
        );
        insert into media_pipeline.audio_files (url, url_sha1, phone, started, stopped)
        values ('x', 'x', '+493023125001', '2025-06-01 00:00Z', '2025-06-01 00:00:05Z')
        """
    )
    dbt.run("build", **VARS)
    added = source.execute(
        "select source_row_id, url from media_pipeline.audio_files where id > %s order by id",
        [before[-1][0]],
    ).fetchall()
    assert added == [
        (None, "x"),
        (0, "https://vault.example.test/0.mp3"),
        (2, "https://vault.example.test/2.mp3"),
        (10, "https://vault.example.test/10.mp3"),
        (12, f"{VAULT}/PR_12.mp3"),
        (14, f"{VAULT}/PR_14.mp3"),
    ]
    assert misnumbered(source) == []
    assert rows(
        source,
        """
        select index_in_phone, duration_seconds from media_pipeline.audio_files
        where source_row_id in (0, 41) or url = 'x' order by started
        """,
    ) == [(1, 60), (2, 5), (3, 9)]
    assert issues(source, of=range(21)) == {
        (case.id, issue)
        for case in CASES
        for issue in case.issues
        if case.id < 21 and case.id not in {10, 12, 14}
    }
    # Recording 21 has a phone now, but its URL is loaded for another recording, which stays.
    assert issues(source, of=range(21, 22)) == {(21, "duplicate_url")}
    assert issues(source, of=range(41, 42)) == set()


def test_campaigns_selected_later_are_added(source: Connection, dbt: Dbt) -> None:
    generate_recordings(source, range(1, 41), contacts=4)
    source.execute("""update contacts set "$campaign_id" = 'C' || right("$id", 1)""")
    dbt.run("run", campaign_ids=["C1"])
    first = row_versions(source)
    assert len(first) == 10
    assert issues(source) == {(n, "campaign_not_selected") for n in range(1, 41) if n % 4 != 1}

    dbt.run("run", campaign_ids=["C1", "C2"])
    assert row_versions(source)[:10] == first
    assert len(row_versions(source)) == 20
    assert misnumbered(source) == []


def test_every_issue_says_what_to_do(source: Connection, dbt: Dbt) -> None:
    source.execute(
        """
        insert into contacts values
            ('K1', '+49 30 23125-001', 'C1'),
            ('K2', 'unknown', 'C1'),
            ('K3', '+49 30 23125-003', 'C2');
        insert into recordings values
            (1, 'K1', 'https://vault.example.test/PR_1.mp3', null, null),
            (2, 'K1', '', null, null),
            (3, 'K9', 'https://vault.example.test/PR_3.mp3', null, null),
            (4, 'K2', 'https://vault.example.test/PR_4.mp3', null, null),
            (5, 'K3', 'https://vault.example.test/PR_5.mp3', null, null),
            (6, 'K1', 'https://vault.example.test/PR_1.mp3', null, null),
            (7, 'K1', 'https://vault.example.test/PR_1.wav', null, null),
            (8, 'K1', 'https://vault.example.test/PR_8.mp3', 'yesterday', 'today'),
            (9, 'K1', 'https://vault.example.test/PR_9.mp3', '2026-07-01 10:00', '2026-07-01 09:00')
        """
    )
    dbt.run("run", campaign_ids=["C1"])
    found = rows(source, "select issue, severity, next_step from media_pipeline.recording_issues")
    assert {issue: severity for issue, severity, _ in found} == SEVERITIES
    assert all(next_step.endswith(".") for _, _, next_step in found)

    # This next step asks for more than a repair of the source.
    source.execute(
        """
        update recordings set stopped = '2026-07-01 10:00:30' where id = 9;
        update media_pipeline.audio_files set started = null, stopped = null
        from media_pipeline.recording_issues
        where audio_files.id = audio_file_id and issue = 'negative_duration'
        """
    )
    dbt.run("run", campaign_ids=["C1"])
    kept = rows(source, "select from media_pipeline.recording_issues where source_row_id = 9")
    assert kept == []
    duration = "select duration_seconds from media_pipeline.audio_files where source_row_id = 9"
    assert one(source, duration) == 30
