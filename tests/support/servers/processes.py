"""The processes of a PostgreSQL server: initdb, and a postmaster that ends with its owner."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Process = subprocess.Popen[bytes]

START_SECONDS = 30
STOP_SECONDS = 20


def create_cluster(bin_dir: Path, data_dir: Path) -> None:
    """Create an empty cluster in a folder that does not exist yet."""
    # The cluster is made beside its place and renamed, because an interrupted initdb would
    # otherwise leave half a cluster there.
    unfinished = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    if account := _account():
        os.chown(unfinished, account.pw_uid, account.pw_gid)
    done = subprocess.run(
        [
            *_as_unprivileged_child(), bin_dir / "initdb", "--no-sync", "--username=postgres",
            "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata", unfinished,
        ],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.strip()}")
    unfinished.rename(data_dir)


def free_port() -> int:
    """Return a port on which nothing listens yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(bin_dir: Path, data_dir: Path, settings: Mapping[str, str], port: int) -> Process:
    """Start a server with parameters of postgresql.conf; return it when it takes connections."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "timezone": "UTC",
        **settings,
    }
    log = data_dir.with_name("postgres.log")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                *_as_unprivileged_child(), bin_dir / "postgres", "-D", data_dir,
                *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
            ],
            cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,  # A Ctrl-C must stop the command first, and the server later.
        )  # fmt: skip
    try:
        until(lambda: _ready(data_dir, process.pid), seconds=START_SECONDS, process=process)
    except TimeoutError:
        stop(process)
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from None
    return process


def _ready(data_dir: Path, pid: int) -> bool:
    """Tell whether this postmaster, and not an earlier one, accepts connections."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def stop(process: Process) -> None:
    """Disconnect all clients and shut the server down; kill it if that takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)  # PostgreSQL disconnects its clients and shuts down.
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as_unprivileged_child() -> list[str]:
    """Return the command that lets PostgreSQL end with its owner, and start when root runs this.

    PostgreSQL refuses to run as root, so root runs it under another account. That account keeps
    one capability, because the programs and data may lie below a folder that only root may enter.
    """
    if sys.platform != "linux":
        return []
    prefix = ["setpriv", "--pdeathsig=INT"]
    account = _account()
    if account is not None:
        prefix += [
            f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
            "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
        ]  # fmt: skip
    return [*prefix, "--"]


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("root needs an account `postgres` or `nobody` to run PostgreSQL under")
