"""Forks gateways on demand: `start` prints the child's pid, `wait PID` its wait status. Ends when its input does."""

from __future__ import annotations

import os
import sys

from konversi.cli import serving
from konversi.settings import load


def start(log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(file, 2)
    try:
        status = serving.serve(load())
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 70
    os._exit(status)


for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command == "start":
        print(start(sys.argv[1]), flush=True)
    elif command == "wait":
        print(os.waitpid(int(argument), 0)[1], flush=True)
