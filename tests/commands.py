"""Runs commands as processes that begin where everything is loaded already: what is tested is the command, and a start
takes a second or two. A test that is about the start itself begins `python -m konversi` for real.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_SECONDS = 60
_LEFT_OUT = ("konversi.agents", "konversi.serverless", "konversi.database.migrations", "konversi.sandbox.pytest_plugin")


class Commands:
    """Forks a process for each command. Ends with the process that made it, or when it is closed."""

    def __init__(self) -> None:
        self._mine, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))},
        )
        theirs.close()
        self._answers = self._mine.makefile("r")

    def run(self, arguments: list[str], *, cwd: Path, env: dict[str, str], given: bytes | None):
        """As `subprocess.run` of `python -m konversi`, with what it wrote as bytes."""
        with tempfile.TemporaryDirectory() as folder:
            streams = [str(Path(folder) / name) for name in ("in", "out", "err")]
            Path(streams[0]).write_bytes(given or b"")
            asked = {"arguments": arguments, "cwd": str(cwd), "env": env, "streams": streams}
            pid = int(self._ask(asked))
            try:
                status = os.waitstatus_to_exitcode(int(self._ask(pid)))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            wrote = [Path(name).read_bytes() for name in streams[1:]]
        return subprocess.CompletedProcess(arguments, status, *wrote)

    def _ask(self, what: object) -> str:
        self._mine.settimeout(_SECONDS)
        self._mine.sendall(json.dumps(what).encode() + b"\n")
        return self._answers.readline()

    def close(self) -> None:
        self._answers.close()
        self._mine.close()
        self._process.wait(_SECONDS)


def _loaded() -> None:
    import gc
    import pkgutil
    from importlib import import_module

    import alembic.command
    import alembic.config  # noqa: F401 - what a new database needs
    import httpx2

    import konversi
    from certificates import read_once

    read_once()
    httpx2.Client().close()  # loads the rest of itself
    for module in pkgutil.walk_packages(konversi.__path__, "konversi."):
        if not module.name.startswith(_LEFT_OUT) and not module.name.endswith("__main__"):
            import_module(module.name)
    gc.freeze()


def _begin(asked: dict) -> int:
    pid = os.fork()
    if pid:
        return pid
    for number, name in enumerate(asked["streams"]):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), number)
    status = 70
    try:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = ["konversi", *asked["arguments"]]
        from konversi.cli import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)


def _serve(number: int) -> None:
    with socket.socket(fileno=number) as here, here.makefile("rw") as lines:
        _loaded()
        for line in lines:
            asked = json.loads(line)
            answer = os.waitpid(asked, 0)[1] if isinstance(asked, int) else _begin(asked)
            lines.write(f"{answer}\n")
            lines.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
