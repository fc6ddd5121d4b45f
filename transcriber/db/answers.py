"""Whose fault it is when PostgreSQL refuses a statement, judged by the SQLSTATE alone.

| answer  | what it means                              | what happens                           |
|---------|--------------------------------------------|----------------------------------------|
| away    | the server is gone, busy, or a standby     | the statement is repeated              |
| raced   | a row that it needs was deleted meanwhile  | it is repeated at once, a few times    |
| refused | the values cannot be stored                | the file that they belong to fails     |
| setting | a right, a table or a setting is wrong     | the command ends and says what to do   |

The classes are those of PostgreSQL's documentation, appendix A.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from transcriber.core.errors import SchemaMissingError, TranscriberError, one_line

if TYPE_CHECKING:
    import psycopg


class Answer(Enum):
    """Whose fault it is that a statement was not carried out."""

    AWAY = auto()
    RACED = auto()
    REFUSED = auto()
    SETTING = auto()


# A class is the first two characters of a SQLSTATE; a longer entry is more exact and goes first.
ANSWERS = {
    "08": Answer.AWAY,  # connection exception
    "40": Answer.AWAY,  # transaction rollback: deadlock, serialization failure
    "53": Answer.AWAY,  # insufficient resources: disk full, too many connections
    "55P03": Answer.AWAY,  # lock not available: a lock time-out
    "57014": Answer.AWAY,  # query canceled: a statement time-out, which may pass
    "57P": Answer.AWAY,  # operator intervention: shutdown, crash, starting up
    "58": Answer.AWAY,  # system error: the server's disk or files
    "25006": Answer.AWAY,  # read-only transaction: a standby after a failover
    "23503": Answer.RACED,  # foreign key violation
    "21": Answer.REFUSED,  # cardinality violation
    "22": Answer.REFUSED,  # data exception, also a character that the encoding lacks
    "23": Answer.REFUSED,  # integrity constraint violation
    "44": Answer.REFUSED,  # check option of a view
    "54": Answer.REFUSED,  # program limit exceeded: a value that is too long for an index
    "P0": Answer.REFUSED,  # a trigger's own `raise exception`
    "57P04": Answer.SETTING,  # database dropped
}

# One statement time-out may be bad luck; as many as this in a row are a setting.
MOST_TIMEOUTS = 3
QUERY_CANCELED = "57014"

SCHEMA_IS_MISSING = frozenset({"42P01", "42703", "42883", "3F000"})
NO_PRIVILEGE = "42501"


def judge(error: psycopg.Error) -> Answer:
    """Return whose fault an error is; an error without a SQLSTATE is a lost connection."""
    sqlstate = error.sqlstate
    if sqlstate is None:
        return Answer.AWAY
    for length in (5, 3, 2):
        if answer := ANSWERS.get(sqlstate[:length]):
            return answer
    return Answer.SETTING


class RefusedError(TranscriberError):
    """PostgreSQL refuses to store the values.

    Its own message is left out, because a constraint's or a trigger's message may quote what was
    said in a call.
    """

    def __init__(self, sqlstate: str) -> None:
        """Take the SQLSTATE."""
        super().__init__(
            f"PostgreSQL refuses to store the values (SQLSTATE {sqlstate}): look for constraints"
            " and triggers on the tables of media_pipeline"
        )
        self.sqlstate = sqlstate


class DatabaseSettingError(TranscriberError):
    """A right or a setting of the database is wrong."""


def setting_error(error: psycopg.Error, role: str) -> TranscriberError:
    """Return an error that says in one line what must be changed, and for which role."""
    if error.sqlstate in SCHEMA_IS_MISSING:
        return SchemaMissingError()
    if error.sqlstate == NO_PRIVILEGE:
        return DatabaseSettingError(
            f"PostgreSQL says: {one_line(error)}. Grant it to the role {role},"
            " or set PGUSER to another role"
        )
    if error.sqlstate == QUERY_CANCELED:
        return DatabaseSettingError(
            f"PostgreSQL says: {one_line(error)}, {MOST_TIMEOUTS} times in a row. Raise"
            f" statement_timeout for the role {role}"
        )
    return DatabaseSettingError(f"PostgreSQL refused this: {one_line(error)}")
