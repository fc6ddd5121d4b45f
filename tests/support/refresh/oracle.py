"""What the refresh must make of any source data, in Python and without a look at its SQL.

The rules are those of the contract (the descriptions of the models, and the notes of the migration
that reads timestamps). Instants are whole microseconds since 1970 in UTC: PostgreSQL's resolution,
and free of the limits of `datetime`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from tests.support.database.catalogue import url_sha1

if TYPE_CHECKING:
    from collections.abc import Iterator

BLANKS = " \t\r\n"
# no index of PostgreSQL takes a key much longer than this
LONGEST_KEY = 1_000
SECOND = 1_000_000
DAY = 86_400 * SECOND

_TIMESTAMP = re.compile(
    r"""
    \s* (?P<year>\d{4}) - (?P<month>\d\d) - (?P<day>\d\d)
    (?: [t ] (?P<hour>\d\d?) : (?P<minute>\d\d) (?: : (?P<second>\d\d) (?P<fraction>\.\d*)? )? )?
    (?P<gap>\s*)
    (?P<zone> z | utc | gmt | (?P<sign>[+-]) (?P<hours>\d\d?)
        (?: : (?P<minutes>\d\d) (?: : (?P<seconds>\d\d) )? | (?P<plain_minutes>\d\d) )?
    )?
    \s*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


class Contact(NamedTuple):
    """A row of public.contacts."""

    id: str
    phone: str | None
    campaign_id: str | None


class Recording(NamedTuple):
    """A row of public.recordings."""

    id: int
    contact_id: str | None
    location: str | None
    started: str | None
    stopped: str | None


@dataclass
class Source:
    """The dialer's tables; `campaign_map` is None where there is no such table."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    recordings: dict[int, Recording] = field(default_factory=dict)
    campaign_map: list[tuple[str | None, str | None]] | None = None


@dataclass(frozen=True)
class Settings:
    """The project's vars."""

    campaign_ids: tuple[str, ...] = ()
    default_campaign_name: str | None = "unknown"
    source_timezone: str = "UTC"


@dataclass
class AudioFile:
    """A row of audio_files, but for its id: the files are listed in the order of their ids."""

    url: str
    url_sha1: str
    phone: str | None = None
    campaign_name: str | None = None
    recording_id: str | None = None
    started: int | None = None
    stopped: int | None = None
    duration_seconds: float | None = None
    index_in_phone: int | None = None
    source_table: str | None = None
    source_row_id: int | None = None


class Issue(NamedTuple):
    """A row of recording_issues; the file is named by its hash."""

    source_row_id: int
    issue: str
    is_loaded: bool
    audio_file: str | None


def instant(text: str | None, zone: str) -> int | None:
    """Read an ISO 8601 timestamp; one that names no zone is local time in the given one."""
    found = _TIMESTAMP.fullmatch(text or "")
    if found is None:
        return None
    parts = found.groupdict()
    year, month, day, hour, minute, second, hours = (
        int(parts[name] or 0)
        for name in ("year", "month", "day", "hour", "minute", "second", "hours")
    )
    offset_minutes = int(parts["minutes"] or parts["plain_minutes"] or 0)
    offset_seconds = int(parts["seconds"] or 0)
    try:
        days = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    time = (hour * 60 + minute) * 60 * SECOND + second * SECOND
    time += round(float(f"0{parts['fraction'] or '.0'}0") * SECOND)
    # 24:00 is the next day's 00:00, and a leap second the next minute's first
    if minute > 59 or second > 60 or time > DAY or max(offset_minutes, offset_seconds) > 59:
        return None
    # in `2024-10-31-05` PostgreSQL takes the last number for a part of the date
    if hours > 15 or (parts["hour"] is None and parts["sign"] == "-" and not parts["gap"]):
        return None
    local = days * DAY + time
    if parts["zone"]:
        offset = (hours * 3600 + offset_minutes * 60 + offset_seconds) * SECOND
        return local + offset if parts["sign"] == "-" else local - offset
    return local - _offset(local, ZoneInfo(zone))


def _offset(local: int, zone: ZoneInfo) -> int:
    """Return a zone's offset; an hour that comes twice, or is skipped, takes the smaller one."""
    moment = (datetime(1970, 1, 1) + timedelta(microseconds=local)).replace(tzinfo=zone)  # noqa: DTZ001
    offsets = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    return min(int(offset.total_seconds()) for offset in offsets if offset is not None) * SECOND


def duration(started: int | None, stopped: int | None) -> float | None:
    """Return seconds; none where the call stops before it starts."""
    if started is None or stopped is None or stopped < started:
        return None
    return (stopped - started) / SECOND


def recording_id(url: str) -> str | None:
    """Return the dialer's id; one that no index could hold is none."""
    found = re.search(r"/(PR_[^./]+)", url)
    if found is None or len(found[1].encode()) > LONGEST_KEY:
        return None
    return found[1]


def is_blank(text: str | None) -> bool:
    """Tell whether a text is null or blank."""
    return not (text or "").strip(BLANKS)


@dataclass
class Catalogue:
    """The table audio_files as it must be; `refresh` is one `dbt run`."""

    files: list[AudioFile] = field(default_factory=list)

    def refresh(self, source: Source, settings: Settings) -> None:
        """Load what can be loaded, fill the gaps of what is there, number all calls."""
        self._load(source, settings)
        for file in self.files:
            row = _row_of(file, source)
            if file.started is None and row:
                file.started = instant(row.started, settings.source_timezone)
            if file.stopped is None and row:
                file.stopped = instant(row.stopped, settings.source_timezone)
            if file.duration_seconds is None:
                file.duration_seconds = duration(file.started, file.stopped)
        self._number()

    def _load(self, source: Source, settings: Settings) -> None:
        urls = {file.url for file in self.files}
        ids = {file.recording_id for file in self.files}
        for row in sorted(source.recordings.values()):
            contact = source.contacts.get(row.contact_id or "\0")
            if row.location is None or contact is None or faults(row, source, settings):
                continue
            found = recording_id(row.location)
            if row.location in urls or (found is not None and found in ids):
                continue
            urls.add(row.location)
            ids.add(found)
            started = instant(row.started, settings.source_timezone)
            stopped = instant(row.stopped, settings.source_timezone)
            file = AudioFile(
                url=row.location,
                url_sha1=url_sha1(row.location),
                phone=re.sub("[^0-9+]", "", contact.phone or ""),
                campaign_name=_name(contact.campaign_id, source, settings),
                recording_id=found,
                started=started,
                stopped=stopped,
                duration_seconds=duration(started, stopped),
                source_table="public.recordings",
                source_row_id=row.id,
            )
            self.files.append(file)

    def _number(self) -> None:
        calls: dict[str, list[AudioFile]] = defaultdict(list)
        for file in self.files:
            if file.phone is not None:
                calls[file.phone].append(file)
        for of_phone in calls.values():
            # sort() is stable: calls of the same time keep the order of their ids
            of_phone.sort(key=lambda file: (file.started is None, file.started or 0))
            for number, file in enumerate(of_phone, 1):
                file.index_in_phone = number

    def issues(self, source: Source, settings: Settings) -> Iterator[Issue]:
        """List what recording_issues lists; what just arrived and can be loaded is not in it."""
        by_url = {file.url: file for file in self.files}
        by_id = {file.recording_id: file for file in self.files}
        loaded = {
            (file.source_row_id, file.url): file
            for file in self.files
            if file.source_table == "public.recordings"
        }
        for row in source.recordings.values():
            if file := loaded.get((row.id, row.location or "")):
                yield from _defects(row, file)
                continue
            if wrong := faults(row, source, settings):
                for fault in wrong:
                    yield Issue(row.id, fault, is_loaded=False, audio_file=None)
                continue
            location = row.location or ""
            if copy := by_url.get(location):
                yield Issue(row.id, "duplicate_url", is_loaded=False, audio_file=copy.url_sha1)
            elif (found := recording_id(location)) and (copy := by_id.get(found)):
                issue = "duplicate_recording_id"
                yield Issue(row.id, issue, is_loaded=False, audio_file=copy.url_sha1)


def faults(row: Recording, source: Source, settings: Settings) -> list[str]:
    """Name everything that keeps a row out, but for copies of it."""
    contact = None if row.contact_id is None else source.contacts.get(row.contact_id)
    found = ["url_missing"] if is_blank(row.location) else []
    if contact is None:
        return [*found, "contact_missing"]
    phone = re.sub("[^0-9+]", "", contact.phone or "")
    if not phone.strip("+") or len(phone) > LONGEST_KEY:
        found.append("phone_missing")
    if settings.campaign_ids and contact.campaign_id not in settings.campaign_ids:
        found.append("campaign_not_selected")
    return found


def _defects(row: Recording, file: AudioFile) -> Iterator[Issue]:
    for name, known, text in (
        ("started_unreadable", file.started, row.started),
        ("stopped_unreadable", file.stopped, row.stopped),
    ):
        # no zone makes a text readable or unreadable
        if known is None and not is_blank(text) and instant(text, "UTC") is None:
            yield Issue(row.id, name, is_loaded=True, audio_file=file.url_sha1)
    if file.started is not None and file.stopped is not None and file.stopped < file.started:
        yield Issue(row.id, "negative_duration", is_loaded=True, audio_file=file.url_sha1)


def _row_of(file: AudioFile, source: Source) -> Recording | None:
    if file.source_table != "public.recordings" or file.source_row_id is None:
        return None
    row = source.recordings.get(file.source_row_id)
    return row if row and row.location == file.url else None


def _name(campaign_id: str | None, source: Source, settings: Settings) -> str | None:
    """Return a campaign's name; of several the first by code points, whatever the collation."""
    names = [
        name
        for known, name in source.campaign_map or ()
        if known is not None and known == campaign_id and name is not None
    ]
    return min(names, default=settings.default_campaign_name)
