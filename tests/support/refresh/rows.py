"""The rows of the tables before and after a refresh, and the settings of the refresh."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


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
    """The dialer's tables; `campaign_map` is None if that table does not exist."""

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
    """A row of audio_files without its id; lists of files have the order of the ids."""

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
    """A row of recording_issues, with the file named by its URL hash."""

    source_row_id: int
    issue: str
    is_loaded: bool
    audio_file: str | None
