"""What processes cost, as Linux counts it in /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    return sum(_fields(pid)[11:13]) / TICKS


def has_ended(pid: int) -> bool:
    """Tell whether a child process has ended; leave it unreaped, so that /proc keeps its costs."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def peak_mb(pid: int) -> float:
    """Return the most memory that a process had so far; wait4 would count its parent, too."""
    lines = (PROC / str(pid) / "status").read_text("utf-8").splitlines()
    return int(dict(line.split(":") for line in lines).get("VmHWM", "0 kB")[:-3]) / 1024


def server_cpu_seconds(postmaster: int) -> float:
    """Return the CPU seconds of a PostgreSQL server, whose processes come and go.

    The postmaster's own row also counts the processes that it has seen end.
    """
    ticks = 0
    for path in PROC.glob("[0-9]*"):
        # A process may end between the listing and the look at it.
        with contextlib.suppress(OSError):
            fields = _fields(int(path.name))
            if int(path.name) == postmaster:
                ticks += sum(fields[11:15])
            elif fields[1] == postmaster:
                ticks += sum(fields[11:13])
    return ticks / TICKS


def _fields(pid: int) -> list[int]:
    """Return the numbers of /proc/PID/stat behind the state; [1] is the parent's process id."""
    text = (PROC / str(pid) / "stat").read_text("utf-8")
    return [0, *map(int, text.rpartition(") ")[2].split()[1:])]
