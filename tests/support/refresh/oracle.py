"""What the refresh must make of any source data, in Python and without a look at its SQL.

The rules are those of the contract: the descriptions of the models, and the notes of the migration
that reads timestamps.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.database.catalogue import url_sha1
from tests.support.refresh.rows import AudioFile, Issue
from tests.support.refresh.timestamps import SECOND, instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.refresh.rows import Recording, Settings, Source

BLANKS = " \t\r\n"
# PostgreSQL's indexes take no key that is much longer than this.
LONGEST_KEY = 1_000


def duration(started: int | None, stopped: int | None) -> float | None:
    """Return seconds, or None for a call that stops before it starts."""
    if started is None or stopped is None or stopped < started:
        return None
    return (stopped - started) / SECOND


def recording_id(url: str) -> str | None:
    """Return the dialer's id of a recording, or None if it is too long for an index."""
    found = re.search(r"/(PR_[^./]+)", url)
    if found is None or len(found[1].encode()) > LONGEST_KEY:
        return None
    return found[1]


def is_blank(text: str | None) -> bool:
    """Tell whether a text is null or blank."""
    return not (text or "").strip(BLANKS)


@dataclass
class Catalogue:
    """The table audio_files as it must be; each `refresh` stands for one `dbt run`."""

    files: list[AudioFile] = field(default_factory=list)

    def refresh(self, source: Source, settings: Settings) -> None:
        """Load the recordings that can be loaded, fill the gaps of files, and number all calls."""
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
            if row.location is None or contact is None or blocking_issues(row, source, settings):
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
            # sort() is stable, so calls of the same time keep the order of their ids.
            of_phone.sort(key=lambda file: (file.started is None, file.started or 0))
            for number, file in enumerate(of_phone, 1):
                file.index_in_phone = number

    def issues(self, source: Source, settings: Settings) -> Iterator[Issue]:
        """Yield the rows of recording_issues; a recording that can be loaded has no issue."""
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
            if blocking := blocking_issues(row, source, settings):
                for issue in blocking:
                    yield Issue(row.id, issue, is_loaded=False, audio_file=None)
                continue
            location = row.location or ""
            if copy := by_url.get(location):
                yield Issue(row.id, "duplicate_url", is_loaded=False, audio_file=copy.url_sha1)
            elif (found := recording_id(location)) and (copy := by_id.get(found)):
                issue = "duplicate_recording_id"
                yield Issue(row.id, issue, is_loaded=False, audio_file=copy.url_sha1)


def blocking_issues(row: Recording, source: Source, settings: Settings) -> list[str]:
    """Return the issues that keep a row out of the catalogue, except that it is a copy."""
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
        # Whether a text can be read does not depend on the zone.
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
    """Return a campaign's name, or the first of several by code points in any collation."""
    names = [
        name
        for known, name in source.campaign_map or ()
        if known is not None and known == campaign_id and name is not None
    ]
    return min(names, default=settings.default_campaign_name)
