"""The queues with which the benchmark compares ours, installed into .bench/ in the checkout.

uv and npm install the pinned packages once. Nothing of them gets into .venv.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_PACKAGES = (
    "procrastinate==3.10.0",
    "psycopg[binary,pool]==3.3.9",
    "pgqueuer==1.6.0",
    "asyncpg==0.32.0",
)
NODE_PACKAGES = {"graphile-worker": "0.17.3"}

FOLDER = REPOSITORY / ".bench"
PYTHON = FOLDER / "venv" / "bin" / "python"


def install() -> Path:
    """Install the peers unless they are there already, and return their folder."""
    pins = json.dumps([PYTHON_PACKAGES, NODE_PACKAGES])
    stamp = FOLDER / "installed.json"
    if stamp.exists() and stamp.read_text("utf-8") == pins:
        return FOLDER
    FOLDER.mkdir(exist_ok=True)
    manifest = {"private": True, "dependencies": NODE_PACKAGES}
    (FOLDER / "package.json").write_text(json.dumps(manifest), "utf-8")
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    commands: tuple[list[str | Path], ...] = (
        [*uv, "venv", "--quiet", "--clear", PYTHON.parents[1]],
        [*uv, "pip", "install", "--quiet", "--python", PYTHON, *PYTHON_PACKAGES],
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER],
    )
    for command in commands:
        subprocess.run(command, check=True)
    stamp.write_text(pins, "utf-8")
    return FOLDER
