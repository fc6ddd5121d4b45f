"""The files that the how-to guides show for cron and systemd: they are valid, and they work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.docs.markdown import page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.docs.conftest import Machine

GUIDES = [page("docs/howto/nightly-runs.md"), page("docs/howto/worker-service.md")]
SETTINGS, CRONTAB = "/etc/media-pipeline.env", "/etc/cron.d/media-pipeline"
SOME_FILES_FAILED = 1


def shown_files() -> dict[str, str]:
    """Return the files that the guides show, by their paths, which are in the first lines."""
    texts = [text for guide in GUIDES for _, text in guide.blocks("ini", "cron")]
    return {text.partition("\n")[0].removeprefix("# "): text for text in texts}


FILES = shown_files()
UNITS = {path.rpartition("/")[2]: text for path, text in FILES.items() if "/systemd/" in path}
COMMANDS = [
    line.removeprefix("ExecStart=")
    for text in UNITS.values()
    for line in text.splitlines()
    if line.startswith("ExecStart=")
]
JOBS = [line for line in FILES[CRONTAB].splitlines() if re.match(r"[\d*]", line)]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Write the settings that the guide shows, but with the servers of the tests."""
    file = tmp_path / "media-pipeline.env"
    own = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PG", "OPENAI_", "TRANSCRIBER_"))
    }
    # The last line for a name counts.
    file.write_text(FILES[SETTINGS] + "".join(f"{name}='{own[name]}'\n" for name in own))
    return file


def in_the_tests(text: str, machine: Machine, settings: Path) -> str:
    """Replace the paths of an installation by those of the tests."""
    text = text.replace("/opt/media-pipeline", str(machine.checkout))
    return text.replace(SETTINGS, str(settings))


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine"
)
def test_systemd_accepts_the_units(tmp_path: Path, machine: Machine) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in UNITS.items():
        (folder / name).write_text(
            text.replace("/opt/media-pipeline", str(machine.checkout)).replace(
                "User=media-pipeline", "User=root"
            )
        )
    done = subprocess.run(
        ["systemd-analyze", "verify", *folder.iterdir()],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "media-pipeline" in line]
    assert complaints == []
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("operated")
def test_the_commands_of_the_units_work_with_the_settings_alone(
    machine: Machine, settings: Path
) -> None:
    for command in COMMANDS:
        text = command.replace("${PIPELINE_VARS}", '"$PIPELINE_VARS"')
        if "--watch" in text:
            text = f"timeout --preserve-status --signal TERM 5 {text}"
        line = f"set -a; . {SETTINGS}; cd /opt/media-pipeline; {text}"
        line = in_the_tests(line, machine, settings)
        done = subprocess.run(
            ["env", "-i", "sh", "-c", line], capture_output=True, text=True, check=False
        )
        assert done.returncode == (143 if "--watch" in text else 0), done.stdout + done.stderr


@pytest.mark.usefixtures("operated")
@pytest.mark.parametrize("job", JOBS)
def test_the_jobs_of_cron_work_with_its_bare_environment(
    machine: Machine, settings: Path, job: str
) -> None:
    *times, user, command = job.split(maxsplit=6)
    assert all(re.fullmatch(r"\*|\d{1,2}", each) for each in times)
    assert user == "media-pipeline"
    assert "%" not in command, "cron takes it for the end of the line"
    (machine.checkout / "logs").mkdir()
    path = next(line for line in FILES[CRONTAB].splitlines() if line.startswith("PATH="))
    done = subprocess.run(
        ["env", "-i", in_the_tests(path, machine, settings), "sh", "-c",
         in_the_tests(command, machine, settings)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
