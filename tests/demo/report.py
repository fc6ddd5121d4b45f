"""The demo's report: the calls, what is wrong with some of them, and what to try next."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from psycopg import Connection

ISSUES_EXPLAINED = {
    "url_missing": "no URL",
    "contact_missing": "no such contact",
    "phone_missing": "the contact has no phone number",
    "campaign_not_selected": "its campaign is not selected",
    "duplicate_url": "another recording has the same URL",
    "duplicate_recording_id": "another recording has the same PR_ id",
    "started_unreadable": "the start time cannot be read",
    "stopped_unreadable": "the end time cannot be read",
    "negative_duration": "it ends before it starts",
}

NOTHING_SAID = {"completed": "(nothing was said)", "pending": "(to be transcribed)"}

NEXT_COMMANDS = """
    make demo           the same again: nothing is loaded or transcribed twice
    make demo NEW=3     three new recordings arrive
    make demo-shell     psql, dbt and transcriber on this database, for instance:
        psql -c 'select phone, campaign_name, transcript_text from media_pipeline.call_log'
        psql -c 'select * from media_pipeline.recording_issues'
        transcriber run --help
    make clean          forget everything
"""


class Counts(NamedTuple):
    """How many files and transcripts there are."""

    files: int
    transcripts: int


def counts(connection: Connection) -> Counts:
    """Count the files and transcripts; before the first migration there are no tables."""
    exists = connection.execute("select to_regclass('media_pipeline.audio_files')").fetchone()
    if exists == (None,):
        return Counts(0, 0)
    row = connection.execute("""
        select
            (select count(*) from media_pipeline.audio_files),
            (select count(*) from media_pipeline.transcriptions where status = 'completed')
    """).fetchone()
    assert row is not None
    return Counts(*row)


def print_report(connection: Connection, before: Counts) -> None:
    """Print the report; `before` tells what was there before this run."""
    _title("Call log")
    _print_calls(connection)
    _title("Recordings with issues (media_pipeline.recording_issues)")
    _print_issues(connection)
    _title("Files that could not be transcribed (media_pipeline.transcription_failures)")
    _print_failures(connection)
    after = counts(connection)
    _title("This run")
    files, transcripts = after.files - before.files, after.transcripts - before.transcripts
    if files or transcripts:
        click.echo(f"{files} files loaded, {transcripts} transcribed.")
    else:
        click.echo("Nothing new: no file loaded, no file transcribed.")
    click.echo(f"In all {after.files} files and {after.transcripts} transcripts.")
    _title("Try next")
    click.echo(textwrap.dedent(NEXT_COMMANDS).strip())


def _title(text: str) -> None:
    click.secho(f"\n{text}\n{'-' * len(text)}", bold=True)


def _print_calls(connection: Connection) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    last_phone = None
    rows = connection.execute("""
        select phone, campaign_name, started at time zone 'Europe/Berlin', duration_seconds,
            transcript_status, transcript_text
        from media_pipeline.call_log
        order by phone, started nulls last, audio_file_id
    """)
    for phone, campaign, started, seconds, status, text in rows:
        if phone != last_phone:
            click.secho(f"{phone}  {campaign}", fg="cyan")
            last_phone = phone
        when = f"{started:%d %b %H:%M}" if started else "no start time"
        length = f"{seconds:4.0f} s" if seconds is not None else "   ? s"
        said = text or NOTHING_SAID.get(status, "(not transcribed: see below)")
        head = f"  {when:<13}{length}  "
        click.echo(
            textwrap.fill(said, width, initial_indent=head, subsequent_indent=" " * len(head))
        )


def _print_issues(connection: Connection) -> None:
    rows = connection.execute("""
        select source_row_id, issue, is_loaded from media_pipeline.recording_issues
        order by is_loaded, source_row_id, issue
    """)
    for row_id, issue, is_loaded in rows:
        state = "loaded, but" if is_loaded else "not loaded:"
        click.echo(f"  recording {row_id:<4}{state} {ISSUES_EXPLAINED[issue]} ({issue})")


def _print_failures(connection: Connection) -> None:
    rows = connection.execute("""
        select audio_files.source_row_id, failures.status, failures.error
        from media_pipeline.transcription_failures as failures
        inner join media_pipeline.audio_files on failures.audio_file_id = audio_files.id
        order by audio_files.source_row_id
    """)
    for row_id, status, error in rows:
        click.echo(f"  recording {row_id:<4}{status}: {error}")
