"""`python -m konversi.sandbox`: the local Meta as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from konversi.sandbox.server import run


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m konversi.sandbox", description="A local Meta Conversions API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the address is printed as JSON")
    parser.add_argument("--ledger", type=Path, help="the file to keep what is received in, fsynced; else memory")
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="ID[:TOKEN][:waba=ID][:page=ID][:instagram=ID]",
        help="a dataset that exists, or as waba=ID[:TOKEN] an account without one (repeat it for more); without any, "
        "each id of 5 to 20 digits does",
    )
    given = parser.parse_args()
    return run(given.host, given.port, given.ledger, given.dataset)


if __name__ == "__main__":
    sys.exit(main())
