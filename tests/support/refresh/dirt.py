"""Source tables as dirty as a seed makes them, and what happens to them between two refreshes."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

from psycopg import sql

from tests.support.database.catalogue import url_sha1
from tests.support.refresh.oracle import (
    AudioFile,
    Contact,
    Recording,
    Settings,
    Source,
    recording_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

CAMPAIGNS = ["C1", "C2", "C3", "c1", "it's 100 %", "", "C4 ", None]
# of one campaign, they sort differently by code points and by language
NAMES = ["Zebra", "apple", "Äpfel", "it's 100 % \\N", "Spring", "spring", None]
ZONES = ["Europe/Berlin", "America/St_Johns", "UTC"]

BLANK = [None, "", " ", "\t\r\n ", "   "]
# not what we call blank, and nothing to trip over
ODD_URLS = ["\u00a0", "\x0b", "NULL", "\\N", "-", "%", "'", '"', "/PR_", "PR_1", "{{ this }}"]
ODD_PARTS = [
    "%20", "%00", "%s", "%%(url)s", "\\u0000", "\\x00", "\\", "'", '"', "$$", "$late_bound$", ";--",
    " ", "\t", "\n", "ä", "é", "e\u0301", "ß", "日本", "\U0001f4de", "\u202e", "\u00a0",
    "?a=b&c='d'", "#", "/PR_", "/PR_x/PR_y", ".", "..", "\u0663", "\ufeff", "\x01", "\x7f",
    "{{ 1 }}", "--", "/*",
]  # fmt: skip

ODD_PHONES: list[str | None] = [
    None, "", " ", "+", "++", "unknown", "n/a", "\\N", "\u0660\u0661\u0662", "\uff10\uff11",
    "\u00b2", "-", "+ (ext.)", "\u00a0",
]  # fmt: skip
PHONES = [
    "+493023125{:03}", " +49 30 23125{:03} ", "0049 (30) 23125-{:03}", "49/30/23125{:03}",
    "+49\u00a030\t23125{:03}\n", "++493023125{:03}", "+49 30 23125{:03}\u0663", "ext. 23125{:03}x",
    "'+49 30 23125{:03}'; %s", "0+3023125{:03}", "(0)3023125{:03}+",
]  # fmt: skip

UNREADABLE = [
    "yesterday", "now", "infinity", "-infinity", "epoch", "allballs", "0000-00-00 00:00:00", "''",
    "2026-02-30 10:00", "2025-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-01 25:00",
    "01.07.2026 12:00", "07/01/2026", "1767225600", "20260101", "2026-01-01 10:00 PM", "\u00a0",
    "2026-01-01 10:00:00 CEST", "2026-01-01 10:00:00 Europe/Berlin", "2026-01-01 10:00 BC", "\\N",
    "\uff12\uff10\uff12\uff16-01-01 10:00", "2026-01-01 \u0661\u0660:00", "\u20032026-01-01", "%",
    "2026-01-01 10:00:00 +16:00", "2026-01-01 10:00:00+99", "2026-01-01 10:00:00+02:60",
    "2026-01-01 10:00:61", "2026-01-01 24:00:01", "2026-01-01 10:00:00+02 +02", "2026-W01-1",
    "2026-01-01T10:00:00\u221205:00",
    # ISO 8601 means half a minute, PostgreSQL would read ten minutes and a half
    "2026-01-01 10:30.5", "2026-01-01T10:30.5Z", "2026-01-01 2026.5", "2026-01-01 1060",
]  # fmt: skip
DAYS = [
    "{}-{:02}-{:02}".format(*day)
    for day in [
        (2024, 2, 29), (2026, 1, 1), (2026, 3, 29), (2026, 3, 8), (2025, 10, 26), (2025, 11, 2),
        (1999, 12, 31), (1970, 1, 1), (2037, 7, 1), (9999, 12, 30),
    ]
]  # fmt: skip
OFFSETS = [
    "", "", "", "", "Z", "z", " UTC", "gmt", "+00", "-00:00", "+02", " +02:00", "+0530", "-03:30",
    "+5:45", "+14", "-15:59:59", "+545", "-9", " -0930",
]  # fmt: skip
ALPHABET = "0123456789" * 2 + "::--++.. TZtz/,uc"


class Dirt:
    """A source of rows; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        """Take the seed."""
        self.random = random.Random(seed)
        self.source = Source()
        # ids that a transaction has taken, and commits later
        self._taken: list[int] = []
        self._next_id = 1
        self._contacts = 0
        self._settings: Settings | None = None
        self._urls: list[str] = []

    def one_in(self, number: int) -> bool:
        """Decide something rare."""
        return self.random.randrange(number) == 0

    def settings(self) -> Settings:
        """Choose vars: mostly every campaign, and often those of the last time."""
        if self._settings and self.one_in(2):
            return self._settings
        ids = ("C1", "C2", "it's 100 %", "C4 ") if self.one_in(3) else ()
        name = self.random.choice(["unknown", "it's new", None])
        # in turn, so that no seed misses one
        zone = ZONES[(ZONES.index(self._settings.source_timezone) + 1 if self._settings else 0) % 3]
        self._settings = Settings(ids, name, zone)
        return self._settings

    def phone(self) -> str | None:
        """Write a fictional number in one of many ways, or something else."""
        if self.one_in(6):
            return self.random.choice(ODD_PHONES)
        if self.one_in(50):
            # notes pasted into the field: random digits, which do not compress
            return "".join(self.random.choices(string.digits, k=self.random.choice([900, 9_000])))
        return self.random.choice(PHONES).format(self.random.randrange(1_000))

    def timestamp(self) -> str | None:
        """Write an instant in one of many ways, or something else."""
        if self.one_in(12):
            return self.random.choice(BLANK)
        if self.one_in(8):
            return self.random.choice(UNREADABLE)
        pick = self.random.choice
        time = pick(["", " {}:{:02}", "t{:02}:{:02}"]) if self.one_in(8) else "T{:02}:{:02}"
        if time:
            time = time.format(pick([0, 1, 2, 3, 9, 10, 23]), pick([0, 1, 29, 30, 59]))
            if not self.one_in(6):
                time += pick([":00", ":01", ":30", ":59", ":60", ":30.5", ":30.250", ":59.9999996"])
                if "." in time and self.one_in(4):
                    time += pick(["0000005", "123456789", ""])
        elif self.one_in(20):
            time = " 24:00"
        text = pick(DAYS) + time + pick(OFFSETS)
        if self.one_in(10):
            place = self.random.randrange(len(text))
            text = text[:place] + pick(["", pick(ALPHABET)]) + text[place + pick([0, 1]) :]
        return pick([" {}", "{}\n", "\t{} "]).format(text) if self.one_in(30) else text

    def url(self) -> str | None:
        """Write a URL, a copy of one, one of the same recording elsewhere, or no URL."""
        pick = self.random.choice
        if self.one_in(25):
            return pick(BLANK)
        if self.one_in(60):
            return pick(ODD_URLS)
        if self.one_in(5) and self._urls:
            known = pick(self._urls)
            found = recording_id(known)
            if self.one_in(2) or not found:
                return known
            return f"https://{pick(['mirror', 'vault'])}.example.test/{pick(['', 'a/'])}{found}.wav"
        name = f"{self.random.getrandbits(40):x}"
        if self.one_in(4):
            name = "".join(pick([*ODD_PARTS, name[:3]]) for _ in range(4))
        if self.one_in(300):
            # random as well: an index compresses what repeats itself
            name += f"{self.random.getrandbits(8_000 * 4):x}"
        prefix = pick(["PR_", "PR_", "PR_", "", "pr_", "x/PR_"])
        url = f"https://vault.example.test/vr/{prefix}{name}.{pick(['mp3', 'wav', ''])}"
        # few enough that some are copied many times
        self._urls = [*self._urls[-200:], url]
        return url

    def contact_id(self) -> str | None:
        """Choose a contact, or one that there is not."""
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
        """Add recordings; some take an id and commit only later, so that its row comes late."""
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
        """Do what people and the dialer do between two refreshes."""
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
        """Make rows that other programs insert: of recordings not loaded yet, or of their own."""
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
    """Make the source tables hold these rows, in any order."""
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
