"""Source tables that a seed makes dirty, and changes to them between two refreshes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from psycopg import sql

from tests.support.database.catalogue import url_sha1
from tests.support.refresh.dirty_values import DirtyValues
from tests.support.refresh.oracle import recording_id
from tests.support.refresh.rows import AudioFile, Contact, Recording, Settings, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

CAMPAIGNS = ["C1", "C2", "C3", "c1", "it's 100 %", "", "C4 ", None]
# These sort differently by code points and by language, so it shows which name is the first.
NAMES = ["Zebra", "apple", "Äpfel", "it's 100 % \\N", "Spring", "spring", None]
ZONES = ["Europe/Berlin", "America/St_Johns", "UTC"]


class Dirt(DirtyValues):
    """The source tables as a seed makes them; the same seed makes the same rows."""

    def __init__(self, seed: int) -> None:
        """Take the seed."""
        super().__init__(random.Random(seed))
        self.source = Source()
        # Ids that transactions of the dialer have taken and not committed yet.
        self._taken: list[int] = []
        self._next_id = 1
        self._contacts = 0
        self._settings: Settings | None = None

    def settings(self) -> Settings:
        """Choose vars: mostly all campaigns, and often the vars of the last refresh."""
        if self._settings and self.one_in(2):
            return self._settings
        ids = ("C1", "C2", "it's 100 %", "C4 ") if self.one_in(3) else ()
        name = self.random.choice(["unknown", "it's new", None])
        # The zones take turns, so that no seed misses one.
        zone = ZONES[(ZONES.index(self._settings.source_timezone) + 1 if self._settings else 0) % 3]
        self._settings = Settings(ids, name, zone)
        return self._settings

    def contact_id(self) -> str | None:
        """Choose a contact, or an id that no contact has."""
        if self.one_in(25):
            return self.random.choice([None, "", "nobody", "k1", "K1 "])
        return f"K{self.random.randrange(self._contacts)}"

    def add_contacts(self, count: int) -> None:
        """Add contacts."""
        self._contacts += count
        for number in range(self._contacts - count, self._contacts):
            contact = Contact(f"K{number}", self.phone(), self.random.choice(CAMPAIGNS))
            self.source.contacts[contact.id] = contact

    def add_recordings(self, count: int) -> None:
        """Add recordings; some take an id now, and their rows come with a later call."""
        late, self._taken = self._taken, []
        for _ in range(count - len(late)):
            self._next_id += self.random.choice([1, 1, 1, 2, 50])
            (self._taken if self.one_in(20) else late).append(self._next_id)
        if self.one_in(3):
            edges = {0, -7, 2**53 + 1, 2**63 - 1}
            late += edges - {*self.source.recordings}
        self.random.shuffle(late)
        for number in late:
            self.source.recordings[number] = Recording(
                number, self.contact_id(), self.url(), self.timestamp(), self.timestamp()
            )

    def change(self) -> None:
        """Change rows as people and the dialer do between two refreshes."""
        contacts, recordings = self.source.contacts, self.source.recordings
        for known in self._some(contacts, 20):
            contacts[known] = contacts[known]._replace(phone=self.phone())
        for known in self._some(contacts, 20):
            campaign_id = self.random.choice(CAMPAIGNS)
            contacts[known] = contacts[known]._replace(campaign_id=campaign_id)
        for known in self._some(contacts, 200):
            del contacts[known]
        changes: dict[str, Callable[[], Any]] = {
            "started": self.timestamp,
            "stopped": self.timestamp,
            "location": self.url,
            "contact_id": self.contact_id,
        }
        for column, new in changes.items():
            for number in self._some(recordings, 40):
                recordings[number] = recordings[number]._replace(**{column: new()})
        for number in self._some(recordings, 200):
            del recordings[number]
        self.source.campaign_map = (
            None if self.one_in(3)
            else self.random.choices([(i, n) for i in CAMPAIGNS for n in NAMES], k=12)
        )  # fmt: skip

    def _some(self, rows: dict[Any, Any], one_in: int) -> list[Any]:
        return self.random.sample([*rows], len(rows) // one_in)

    def by_hand(self, files: list[AudioFile], count: int) -> list[AudioFile]:
        """Make rows as other programs insert them, of recordings or of files of their own."""
        known = {file.url_sha1 for file in files}
        ids = {file.recording_id for file in files}
        made = []
        for _ in range(count):
            row = self.random.choice([*self.source.recordings.values()])
            url = row.location if self.one_in(2) else self.url()
            if not url or url_sha1(url) in known:
                continue
            file = AudioFile(url, url_sha1(url), self.random.choice([None, "+493023125001", "x"]))
            if self.one_in(2):
                file.source_table, file.source_row_id = "public.recordings", row.id
            if self.one_in(2) and recording_id(url) not in ids:
                file.recording_id = recording_id(url)
                ids.add(file.recording_id)
            if self.one_in(2):
                file.started = 1_767_225_600_000_000 + self.random.randrange(10**12)
                file.stopped = file.started + self.random.randrange(-(10**9), 10**10)
            known.add(file.url_sha1)
            made.append(file)
        return made


def write(connection: Connection, source: Source, shuffle: random.Random) -> None:
    """Replace the rows of the source tables by these, in an order that `shuffle` decides."""
    tables: dict[str, list[Any]] = {
        "contacts": [*source.contacts.values()],
        "recordings": [*source.recordings.values()],
        "campaign_map": source.campaign_map or [],
    }
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("drop table if exists campaign_map; truncate recordings, contacts")
        if source.campaign_map is not None:
            cursor.execute("create table campaign_map (campaign_id text, campaign text)")
        for table, rows in tables.items():
            if rows:
                shuffle.shuffle(rows)
                copy = sql.SQL("copy public.{} from stdin").format(sql.Identifier(table))
                with cursor.copy(copy) as lines:
                    for row in rows:
                        lines.write_row(row)
