"""`make docs` writes one page that needs no network and describes every model and column."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.servers.browser import running_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]

READ_MODELS = {"call_log", "phone_history", "recording_issues", "transcription_progress"}
IDENTIFIERS = {
    "$phone", "typed_phone", "phone", "location", "url", "recording_urls",
    "transcript_text", "segments", "diarization", "raw_response",
}  # fmt: skip

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make docs` without `make setup`, and return the folder with the page."""
    folder = tmp_path_factory.mktemp("docs")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    subprocess.run(["make", "-o", "setup", "docs"], cwd=PROJECT, env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def manifest(docs: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((docs / "manifest.json").read_text())
    return loaded


def described(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the models and the sources."""
    yield from manifest["sources"].values()
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            yield node


@pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None,
    reason="no Chromium here: apt-get install chromium chromium-driver",
)
def test_the_page_is_searched_offline(docs: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    assert CHROMEDRIVER is not None
    # The page must not need any of the other files that dbt wrote.
    page = tmp_path / "docs.html"
    shutil.copy(docs / "static_index.html", page)
    with running_browser(CHROMIUM, CHROMEDRIVER, tmp_path / "profile") as browser:
        browser.open(page.as_uri())
        browser.wait_for("Welcome!")
        browser.type("#search", "audio_files")
        browser.wait_for("audio_files model ...The catalogue of every audio file.")
        browser.click(".search-result[href$='/model.media_pipeline.audio_files']")
        shown = browser.wait_for("Details Description Columns")
        assert "Description The catalogue of every audio file." in shown
        assert "url_sha1 text SHA-1 of the URL in UTF-8" in shown
        asked = browser.requested_urls()
        assert page.as_uri() in asked
        assert not [url for url in asked if url.startswith(("http", "ws"))]


def test_every_description_ends_with_the_grain(manifest: dict[str, Any]) -> None:
    for node in described(manifest):
        *_, last = node["description"].rstrip(". \n").split(". ")
        assert last.startswith("One row per "), node["unique_id"]


def test_every_column_is_documented(docs: Path, manifest: dict[str, Any]) -> None:
    catalog = json.loads((docs / "catalog.json").read_text())
    for node in described(manifest):
        columns = {name for name, column in node["columns"].items() if column["description"]}
        assert columns == {*node["columns"]}, node["unique_id"]
        kind = "sources" if node["resource_type"] == "source" else "nodes"
        known = catalog[kind].get(node["unique_id"], {"columns": ()})
        # The table audio_files has columns that the model does not fill; the source describes them.
        if node["unique_id"] != "model.media_pipeline.audio_files":
            assert {*known["columns"]} <= columns, node["unique_id"]
    described_models = {node.split(".")[-1] for node in catalog["nodes"]}
    assert described_models >= READ_MODELS


def test_columns_that_identify_a_person_are_tagged(manifest: dict[str, Any]) -> None:
    for node in described(manifest):
        for name, column in node["columns"].items():
            is_tagged = "direct_identifier" in column["config"]["tags"]
            assert is_tagged == (name in IDENTIFIERS), f"{node['unique_id']}.{name}"


def test_every_read_model_is_tested(manifest: dict[str, Any]) -> None:
    units = manifest["unit_tests"].values()
    assert {unit["model"] for unit in units} >= READ_MODELS
    assert all(unit["name"].startswith(f"{unit['model']}__") for unit in units)
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    tested = {name.split(".")[-1] for test in tests for name in test["depends_on"]["nodes"]}
    assert tested >= READ_MODELS


def test_every_assertion_names_the_next_steps(manifest: dict[str, Any]) -> None:
    assertions = [
        node
        for name, node in manifest["nodes"].items()
        if name.startswith("test.media_pipeline.assert_")
    ]
    assert assertions
    for assertion in assertions:
        assert assertion["config"]["meta"]["next_steps"], assertion["name"]
