"""What CI, git hooks and CONTRIBUTING.md run exists, and is the same everywhere."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
WORKFLOW: Any = YAML(typ="safe").load(REPOSITORY / ".github" / "workflows" / "ci.yml")
HOOKS: Any = YAML(typ="safe").load(REPOSITORY / ".pre-commit-config.yaml")["repos"][0]["hooks"]

JOB = WORKFLOW["jobs"]["check"]
CI_COMMANDS = [step["run"] for step in JOB["steps"] if "run" in step]
GUIDES = {
    name: (REPOSITORY / name).read_text()
    for name in ("CONTRIBUTING.md", "SECURITY.md", "docs/decisions.md")
}

# These stand for a name that a contributor chooses.
PLACEHOLDERS = ("NAME", "FOLDER", "NNNN")

# A guide calls a folder of these by its own name (`unit/`, `queue/`), and a page of docs/ links to
# its neighbours.
HOMES = [REPOSITORY, *(REPOSITORY / name for name in ("tests", "transcriber", "docs"))]


def lint_commands() -> list[str]:
    """Return what `make lint` runs."""
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)
    assert recipe
    return [line.strip().removeprefix("@") for line in recipe[1].splitlines()]


def code_of(guide: str) -> list[str]:
    """Return what a guide shows as code: its blocks' lines, and what stands in backticks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", guide, flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```$", "", guide, flags=re.DOTALL | re.MULTILINE)
    return [*"".join(blocks).splitlines(), *re.findall(r"`([^`]+)`", prose)]


def paths_of(guide: str) -> set[str]:
    """Return the files and folders that a guide's code and links name."""
    words = {word for code in code_of(guide) for word in code.split()}
    words = {word for word in words if re.fullmatch(r"[a-z][\w.-]*/[\w./-]*", word)}
    links = re.findall(r"\]\(([^):#]+)[^):]*\)", guide)
    return {path for path in words.union(links) if not any(name in path for name in PLACEHOLDERS)}


def test_ci_lints_and_tests_with_targets_that_exist() -> None:
    targets = [re.fullmatch(r"make ([a-z-]+).*", command) for command in CI_COMMANDS]
    names = [target[1] for target in targets if target]
    assert names == ["setup", "lint", "test"]
    assert {*names} <= TARGETS
    assert len(names) == len(CI_COMMANDS)


def test_ci_runs_the_oldest_and_the_newest_python_that_is_supported() -> None:
    bounds = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PYPROJECT["project"]["requires-python"])
    assert bounds
    newest = int(bounds[2]) - 1
    assert JOB["strategy"]["matrix"]["python"] == [f"3.{bounds[1]}", f"3.{newest}"]


def test_ci_may_only_read_and_uses_actions_by_commit() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOB
    actions = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert [action for action in actions if not re.fullmatch(r"\S+@[0-9a-f]{40}", action)] == []


def test_a_commit_meets_the_linters_of_make_lint() -> None:
    hooks = sorted(hook["entry"].removeprefix(".venv/bin/") for hook in HOOKS)
    commands = sorted(lint_commands())
    assert len(hooks) == len(commands)
    for hook, command in zip(hooks, commands, strict=True):
        assert command.startswith(hook)
        # A hook gets the files of a commit in place of these.
        paths = command.removeprefix(hook).split()
        assert not any(path.startswith("-") for path in paths)


def test_every_folder_but_cli_is_kept_from_click() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if "click" in each.get("forbidden_modules", [])]
    packages = (REPOSITORY / "transcriber").glob("*/__init__.py")
    folders = {f"transcriber.{package.parent.name}" for package in packages}
    assert {*contract["source_modules"]} == folders - {"transcriber.cli"}


@pytest.mark.parametrize("name", GUIDES)
def test_every_target_that_a_guide_names_exists(name: str) -> None:
    commands = " ".join(code_of(GUIDES[name]))
    assert {*re.findall(r"\bmake ([a-z-]+)", commands)} <= TARGETS


@pytest.mark.parametrize("name", GUIDES)
def test_every_path_that_a_guide_names_exists(name: str) -> None:
    paths = paths_of(GUIDES[name])
    assert paths
    missing = {path for path in paths if not any((home / path).exists() for home in HOMES)}
    assert missing == set()
