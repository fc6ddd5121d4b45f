"""`make chaos`: a storm over a whole pipeline, and its accounts as a table."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys

from tests.system.chaos.storm import Options, run


def main() -> int:
    """Print the table; return 1 when something is in it that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    for field in dataclasses.fields(Options):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default)
    options = Options(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, and so cleans up
    accounts = run(options)
    print(*accounts.lines(), sep="\n")
    return 1 if accounts.problems else 0


if __name__ == "__main__":
    sys.exit(main())
