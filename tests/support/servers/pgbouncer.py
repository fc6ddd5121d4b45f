"""The distribution's PgBouncer in transaction mode, where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.servers.processes import free_port
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Debian's package puts it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

SETTINGS = """
[databases]
{database} = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


@contextlib.contextmanager
def running_pgbouncer(server: Mapping[str, str], sessions: int = 2) -> Iterator[dict[str, str]]:
    """Run PgBouncer before a server's database; yield libpq's variables for it."""
    if PROGRAM is None:
        raise RuntimeError("pgbouncer is not installed")
    port = free_port()
    # PgBouncer refuses to run as root.
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="media-pipeline-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(
            SETTINGS.format(
                database=server["PGDATABASE"], host=server["PGHOST"], port=server["PGPORT"],
                user=server["PGUSER"], password=server.get("PGPASSWORD", "unused"),
                listen_port=port, sessions=sessions,
            )
        )  # fmt: skip
        process = subprocess.Popen(
            [PROGRAM, "-q", *account, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: _listens(port), process=process)
            yield {**server, "PGHOST": "127.0.0.1", "PGPORT": str(port)}
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
