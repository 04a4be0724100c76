"""Forks gateways on demand. Ends when its input does.

`start {"NAME": "value"}` starts one with these settings besides the surroundings' own and prints its pid; `wait PID`
prints its wait status.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from pathlib import Path

import httpx2
from oddities import apply, executable

import konversi.database.postgres_database  # noqa: F401 - loaded, as everything
from konversi.cli import processes, serving
from konversi.settings import load


def start(log: str, given: dict[str, str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.environ.update(given)
    file = os.open(os.environ.get("KONVERSI_TEST_LOG", log), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(file, 2)
    try:
        status = serve()
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 70
    os._exit(status)


def serve() -> int:
    apply()
    settings, number = load(), int(os.environ.get("KONVERSI_TEST_PROCESSES", "1"))
    if number == 1:
        return serving.serve(settings)
    sys.executable = executable()
    return processes.serve_in(number, settings)


def ready() -> None:
    """What each start would do again, and what the collector would walk through and so copy in each: half of a start."""
    sys.path.append(str(Path(__file__).parents[1]))
    from certificates import read_once

    read_once()
    httpx2.Client().close()  # loads the rest of itself, and the certificates for both kinds of client
    httpx2.Client(trust_env=False).close()
    with contextlib.suppress(ImportError):  # not on every system
        import uvloop  # noqa: F401

        import konversi.cli.short_way
        import konversi.cli.whole_answers  # noqa: F401
    gc.collect()
    gc.freeze()


ready()
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command == "start":
        print(start(sys.argv[1], json.loads(argument or "{}")), flush=True)
    elif command == "wait":
        print(os.waitpid(int(argument), 0)[1], flush=True)
