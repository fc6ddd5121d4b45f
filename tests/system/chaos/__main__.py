"""`make chaos`: break the parts of a whole pipeline at random, and print an account."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys

from tests.system.chaos.storm import Options, run


def main() -> int:
    """Print the account; return 1 if it has problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    for field in dataclasses.fields(Options):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default)
    options = Options(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The exception cleans up on its way.
    accounts = run(options)
    print(*accounts.lines(), sep="\n")
    return 1 if accounts.problems else 0


if __name__ == "__main__":
    sys.exit(main())
