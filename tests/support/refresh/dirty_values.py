"""Phones, timestamps and URLs as dialers and people write them, or write something else instead."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from tests.support.refresh.oracle import recording_id

if TYPE_CHECKING:
    import random

BLANK = [None, "", " ", "\t\r\n ", "   "]
# These are not blank by the rules of the refresh, which must load them as they are.
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
    # ISO 8601 means half a minute here, and PostgreSQL would read ten and a half minutes.
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


class DirtyValues:
    """A source of values; the same random numbers give the same values."""

    def __init__(self, random: random.Random) -> None:
        """Take the source of random numbers."""
        self.random = random
        self._urls: list[str] = []

    def one_in(self, number: int) -> bool:
        """Decide whether something happens that does so once in that many times."""
        return self.random.randrange(number) == 0

    def phone(self) -> str | None:
        """Write a fictional phone number in one of many ways, or something else."""
        if self.one_in(6):
            return self.random.choice(ODD_PHONES)
        if self.one_in(50):
            # Somebody pasted notes into the field. Random digits do not compress.
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
            # This is random as well, because an index compresses what repeats itself.
            name += f"{self.random.getrandbits(8_000 * 4):x}"
        prefix = pick(["PR_", "PR_", "PR_", "", "pr_", "x/PR_"])
        url = f"https://vault.example.test/vr/{prefix}{name}.{pick(['mp3', 'wav', ''])}"
        # So few are kept that some are copied many times.
        self._urls = [*self._urls[-200:], url]
        return url
