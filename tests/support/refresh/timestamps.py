"""How the refresh must read timestamps.

An instant is a number of microseconds since 1970 in UTC, because that is PostgreSQL's resolution,
and because `datetime` has narrower limits than PostgreSQL.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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


def instant(text: str | None, zone: str) -> int | None:
    """Read an ISO 8601 timestamp; without an offset it is local time in the given zone."""
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
    # PostgreSQL reads 24:00 as 00:00 of the next day, and a leap second as the next minute.
    if minute > 59 or second > 60 or time > DAY or max(offset_minutes, offset_seconds) > 59:
        return None
    # In `2024-10-31-05` PostgreSQL takes the last number for a part of the date.
    if hours > 15 or (parts["hour"] is None and parts["sign"] == "-" and not parts["gap"]):
        return None
    local = days * DAY + time
    if parts["zone"]:
        offset = (hours * 3600 + offset_minutes * 60 + offset_seconds) * SECOND
        return local + offset if parts["sign"] == "-" else local - offset
    return local - _offset(local, ZoneInfo(zone))


def _offset(local: int, zone: ZoneInfo) -> int:
    """Return a zone's offset: the smaller one for an hour that is skipped or comes twice."""
    moment = (EPOCH + timedelta(microseconds=local)).replace(tzinfo=zone)
    offsets = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    return min(int(offset.total_seconds()) for offset in offsets if offset is not None) * SECOND
