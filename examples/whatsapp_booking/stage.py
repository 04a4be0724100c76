"""The whole scene on this machine: a local Meta, Konversi in front of the bot, and the bot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx2

from konversi.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APP_SECRET = "app-secret-of-the-example"  # noqa: S105 - signs between processes of this machine
DATASET = "1234567890"
LINE = "106540352242922"
FOUND = TypeVar("FOUND")

_EXAMPLES = Path(__file__).parent.parent
_START_SECONDS, _WAIT_SECONDS, _STOP_SECONDS = 30.0, 20.0, 20.0
_LOOK_SECONDS = 0.05
_NOT_OURS = ("META_", "KONVERSI_", "WHATSAPP_", "MESSENGER_")


class TooLate(Exception):
    """Something did not happen in time."""


class Stage(NamedTuple):
    """Where all of it is reached."""

    meta: str
    konversi: str
    bot: str
    folder: Path
    processes: tuple[subprocess.Popen[bytes], ...]

    def replies(self, phone: str) -> list[str]:
        """What the bot sent to a phone, oldest first."""
        return [
            message["text"] for message in reversed(self._ask(self.meta, "/_sandbox/messages", to=phone)["messages"])
        ]

    def events(self) -> list[dict[str, Any]]:
        """What Meta got, oldest first."""
        return [entry["event"] for entry in self._ask(self.meta, "/_sandbox/events")["events"]]

    def journeys(self) -> list[dict[str, Any]]:
        """The conversations that Konversi knows, newest first, each with its timeline."""
        found = self._ask(self.konversi, "/v1/journeys")["journeys"]
        return [self._ask(self.konversi, f"/v1/journeys/{one['journey']}") for one in found]

    def _ask(self, address: str, path: str, **params: str) -> Any:
        return httpx2.get(address + path, params=params, timeout=10, trust_env=False).raise_for_status().json()


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start the three processes, each on a free port, and end them. Raises `TooLate` where one does not start."""
    ports = _free_ports(3)
    meta, konversi, bot = (f"http://127.0.0.1:{port}" for port in ports)
    whatsapp = {"WHATSAPP_APP_SECRET": APP_SECRET, "WHATSAPP_VERIFY_TOKEN": "verify-token-of-the-example"}
    gateway = {
        "META_GRAPH_URL": meta, "META_PIXEL_ID": DATASET, "META_CONVERSION_API_TOKEN": "token-for-the-local-meta",
        "KONVERSI_DATA_DIR": str(folder / "konversi"), "WHATSAPP_FORWARD_URL": f"{bot}/webhook",
    }  # fmt: skip
    own = {
        "WHATSAPP_API_URL": meta, "WHATSAPP_TOKEN": "token-for-the-local-meta", "WHATSAPP_PHONE_NUMBER_ID": LINE,
        "BOT_DATA_DIR": str(folder / "bot"), "BOT_PORT": str(ports[2]), "KONVERSI_URL": konversi,
        "PYTHONPATH": str(_EXAMPLES),
    }  # fmt: skip
    with ExitStack() as stack:
        started = (
            stack.enter_context(_process(folder, ["konversi", "sandbox", "--port", str(ports[0])], {})),
            stack.enter_context(_process(folder, ["konversi", "serve", "--port", str(ports[1])], whatsapp | gateway)),
            stack.enter_context(_process(folder, ["whatsapp_booking"], whatsapp | own)),
        )
        for process, url in zip(
            started, (f"{meta}/_sandbox/counts", f"{konversi}/readyz", f"{bot}/healthz"), strict=True
        ):
            _wait_for_answer(url, process)
        yield Stage(meta, konversi, bot, folder, started)


def until(what: str, look: Callable[[], FOUND | None], seconds: float = _WAIT_SECONDS) -> FOUND:
    """What `look` finds, asked again and again. Raises `TooLate`."""
    last = monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if monotonic() > last:
            raise TooLate(f"{what}: not within {seconds:.0f} seconds")
        sleep(_LOOK_SECONDS)


@contextmanager
def _process(folder: Path, module: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module`, which knows none of the user's settings but the model's, and leaves nothing behind."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    with (folder / f"{'-'.join(module[:2])}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", *module],
            cwd=folder,
            env=surroundings | settings,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the demo's to handle
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise TooLate(f"{url}: its process ended with status {process.returncode}")
        try:
            return httpx2.get(url, timeout=1, trust_env=False).is_success
        except httpx2.HTTPError:
            return False

    until(url, answers, _START_SECONDS)


def _free_ports(count: int) -> list[int]:
    """Different ones: all are taken before any is given back."""
    with ExitStack() as stack:
        held = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]
