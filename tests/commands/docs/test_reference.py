"""The reference names every command, option, variable, exit code, column and object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
import pytest
from ruamel.yaml import YAML

from tests.support import REPOSITORY
from tests.support.docs.markdown import page
from transcriber.cli.main import COMMANDS, main

if TYPE_CHECKING:
    import psycopg

COMMAND_PAGE = page("docs/reference/commands.md").text
ENVIRONMENT = page("docs/reference/environment.md").text
SCHEMA = page("docs/reference/schema.md").text
MODELS = page("docs/reference/models.md").text

MARTS: Any = YAML(typ="safe").load(REPOSITORY / "models" / "marts" / "_marts__models.yml")
VIEWS = {model["name"]: model for model in MARTS["models"] if "data_type" in model["columns"][0]}
PROJECT: Any = YAML(typ="safe").load(REPOSITORY / "dbt_project.yml")

# What libraries read, and messages, docstrings or this project's own files name.
READ_BY_LIBRARIES = {"OPENAI_BASE_URL", "PGSERVICE", "SSL_CERT_FILE", "TMPDIR"}

# What the machine sets, not the operator.
SET_BY_THE_SYSTEM = {"LOGNAME", "USER"}


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second or third level, up to the next one."""
    parts = re.split(r"^##+ (.+)\n", text, flags=re.MULTILINE)
    return parts[parts.index(heading) + 1]


def cells(text: str, column: int = 0) -> list[str]:
    """Return the code in a column of the tables in a text."""
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row[column])]


def options_of(name: str) -> list[click.Option]:
    """Return the options of a command, in order."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return [each for each in command.params if isinstance(each, click.Option)]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_a_command_are_those_of_the_reference(name: str) -> None:
    shown = [code.partition(" ")[0] for code in cells(section(COMMAND_PAGE, f"transcriber {name}"))]
    assert shown == [option.opts[0] for option in options_of(name)]
    assert all(option.help for option in options_of(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_defaults_of_a_command_are_those_of_the_reference(name: str) -> None:
    rows = section(COMMAND_PAGE, f"transcriber {name}").splitlines()
    for option in options_of(name):
        if option.show_default:
            (row,) = [each for each in rows if each.startswith(f"| `{option.opts[0]}")]
            value = option.default
            shown = f"`{value:g}`" if isinstance(value, float | int) else f"`{value}`"
            assert row.endswith(f"| {shown} |")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_comes_from_a_variable_of_the_reference(name: str) -> None:
    rows = section(ENVIRONMENT, "The options of transcriber").splitlines()
    for option in options_of(name):
        if option.envvar:
            (row,) = [each for each in rows if each.startswith(f"| `{option.envvar}` |")]
            assert f"| `{option.opts[0]}` |" in row
            assert f"`{name}`" in row
    if name == "run":
        assert all(option.envvar for option in options_of(name))


def test_every_variable_that_the_code_reads_is_documented() -> None:
    profile = (REPOSITORY / "profiles.example.yml").read_text()
    read = {*READ_BY_LIBRARIES, *re.findall(r"env_var\('(\w+)'", profile)}
    for file in REPOSITORY.glob("transcriber/**/*.py"):
        read |= {*re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", file.read_text())}
    assert read - SET_BY_THE_SYSTEM - {*cells(ENVIRONMENT)} == set()


@pytest.mark.parametrize("name", VIEWS)
def test_the_columns_of_a_model_are_documented(name: str) -> None:
    columns = {column["name"] for column in VIEWS[name]["columns"]}
    assert {*cells(section(MODELS, name))} == columns


def test_every_setting_has_its_default_in_the_reference() -> None:
    rows = [line for line in section(MODELS, "Settings").splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [*PROJECT["vars"]]
    for row, default in zip(rows, PROJECT["vars"].values(), strict=True):
        assert row.endswith(f"| `{default}` |")


def test_every_issue_has_its_severity_in_the_reference() -> None:
    kinds = (REPOSITORY / "macros" / "vocabulary" / "issue_kinds.sql").read_text()
    rows = section(MODELS, "Issues").splitlines()
    for issue, severity in re.findall(r"'(\w+)', '(error|warning|info)'", kinds):
        (row,) = [each for each in rows if each.startswith(f"| `{issue}`")]
        assert row.endswith(f"| {severity} |")


def test_every_column_of_the_tables_is_documented(connection: psycopg.Connection) -> None:
    tables = ("audio_files", "transcriptions", "transcription_failures", "transcription_claims")
    for table in tables:
        rows = connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'media_pipeline' and table_name = %s order by ordinal_position",
            [table],
        )
        assert cells(section(SCHEMA, table)) == [name for (name,) in rows]


def test_every_object_of_the_schema_is_documented(connection: psycopg.Connection) -> None:
    objects = connection.execute("""
        select relname from pg_class
        where relnamespace = 'media_pipeline'::regnamespace and relkind in ('r', 'v')
        union all
        select proname from pg_proc where pronamespace = 'media_pipeline'::regnamespace
    """)
    assert [name for (name,) in objects if name not in SCHEMA] == []
