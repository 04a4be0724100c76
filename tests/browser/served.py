"""A gateway in a process of its own for a browser to look at, and Debian's Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx2

PATIENCE = 30.0
PIXEL = "1234567890"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def serving(folder, graph_url, **settings):
    """The address of a gateway over what the folder holds, with these environment variables beside the usual ones."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
    surroundings |= {
        "KONVERSI_DATA_DIR": str(folder),
        "META_GRAPH_URL": graph_url,
        "META_PIXEL_ID": PIXEL,
        "META_CONVERSION_API_TOKEN": "EAAtokenThatMustNeverShow",
        **settings,
    }
    with (folder / "log").open("wb") as log:
        serve = subprocess.Popen(
            [sys.executable, "-m", "konversi", "serve", "--port", str(port)],
            env=surroundings,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        _ready(f"http://127.0.0.1:{port}", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.terminate()
        serve.wait(PATIENCE)


def _ready(address, log):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if httpx2.get(f"{address}/readyz", timeout=1, trust_env=False).is_success:
                return
        except httpx2.HTTPError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())
