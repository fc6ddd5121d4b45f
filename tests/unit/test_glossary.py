"""The glossary's names are those of the code, and its states those of the database."""

from __future__ import annotations

import re

from tests.support import REPOSITORY

GLOSSARY = (REPOSITORY / "docs" / "glossary.md").read_text()
CODE = ("transcriber", "migrations", "models", "macros")


def words_of_the_code() -> set[str]:
    """Return the words of all Python, SQL and YAML that is not a test."""
    files = [file for folder in CODE for file in (REPOSITORY / folder).rglob("*.*")]
    texts = [file.read_text() for file in files if file.suffix in {".py", ".sql", ".yml"}]
    return {word for text in texts for word in re.findall(r"[\w-]+", text)}


def test_the_code_has_every_name_of_the_glossary() -> None:
    last_cells = re.findall(r"^\| .+ \| .+ \| (.*`) \|$", GLOSSARY, flags=re.MULTILINE)
    names = [name for cell in last_cells for name in re.findall(r"`([^`]+)`", cell)]
    words = {word.removeprefix("--") for name in names for word in name.split()}
    assert words
    assert words - words_of_the_code() == set()


def test_the_glossary_has_the_states_of_the_function() -> None:
    create = "create or replace function media_pipeline.file_state("
    migrations = [path.read_text() for path in sorted((REPOSITORY / "migrations").glob("*.sql"))]
    newest = [text for text in migrations if create in text][-1]
    cases = newest.partition(create)[2].partition("$function$;")[0]
    table = GLOSSARY.partition("| state | meaning |")[2].partition("\n\n")[0]
    states = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert states
    assert {*states} == {*re.findall(r"(?:then|else) '(\w+)'", cases)}
