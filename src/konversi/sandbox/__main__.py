"""`python -m konversi.sandbox`: the local Meta, for tests that start it as a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from konversi.sandbox.server import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m konversi.sandbox", description="A local Meta.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=3001, help="port to listen on; 0 takes a free one")
    parser.add_argument("--ledger", type=Path, help="file that keeps what it received; in memory where unset")
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="ID[:waba=ID][:page=ID][:locale=id]",
        help="a dataset that exists, with its links; repeatable; any exists where none is given",
    )
    given = parser.parse_args()
    return run(host=given.host, port=given.port, ledger=given.ledger, datasets=given.dataset, tell=_tell)


def _tell(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
