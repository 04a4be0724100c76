"""Forks gateways on demand. Ends when its input does.

`start {"NAME": "value"}` starts one with these settings besides the surroundings' own and prints its pid; `wait PID`
prints its wait status.
"""

from __future__ import annotations

import json
import os
import sys

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


for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command == "start":
        print(start(sys.argv[1], json.loads(argument or "{}")), flush=True)
    elif command == "wait":
        print(os.waitpid(int(argument), 0)[1], flush=True)
