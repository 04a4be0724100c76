"""`make example`: from the tap on an ad to the event at Meta, step by step, all on this machine."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from whatsapp_booking.customers import new_person, says
from whatsapp_booking.stage import APP_SECRET, TooLate, stage, until

if TYPE_CHECKING:
    from whatsapp_booking.customers import Person
    from whatsapp_booking.stage import Stage

_CHAT = (
    "Berapa harga repaint bodi halus kak?",
    "Besok masih ada slot kosong?",
    "Oke, booking bodi halus besok jam 10 ya",
    "Makasih kak!",
)
_SHOWN = ("event_name", "event_id", "action_source", "messaging_channel", "user_data", "custom_data")
_INTERRUPTED = 130  # what a shell calls it
_LOOK_SECONDS = 0.5  # seconds between looks at whether all still run


def main() -> int:
    """Exit status 0 only if the event came to the local Meta with the ad's click id, and the bot booked once."""
    parser = argparse.ArgumentParser(prog="make example ARGS=...", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave all of it running, to write to the bot yourself")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="konversi-example-", ignore_cleanup_errors=True) as folder:
        try:
            with stage(Path(folder)) as scene:
                arrived = _play(scene)
                if keep:
                    _leave_running(scene)
        except TooLate as error:
            _say(f"\n{error}\n{_logs(Path(folder))}")
            return 1
        except KeyboardInterrupt:
            return _INTERRUPTED
        return 0 if arrived else 1


def _play(scene: Stage) -> bool:
    click_id = f"Aff-{token_urlsafe(48)}"
    budi, sari = new_person("Budi Santoso"), new_person("Sari Dewi")
    _step("Three programs run on this machine:")
    _say(f"   a local Meta   {scene.meta}   (Conversions API and WhatsApp Cloud API)")
    _say(f"   Konversi       {scene.konversi}   (/webhooks/whatsapp, in front of the bot)")
    _say(f"   the bot        {scene.bot}   (model: {os.environ.get('BOT_MODEL') or 'scripted, offline'})")
    _step("Budi taps the ad and writes. Meta's signed webhook call goes to Konversi, which hands it on to the bot.")
    _say(f"   the ad's click id: {click_id}")
    _talk(scene, budi, "Halo kak, mau repaint motor", "ad-click", click_id)
    _step("They chat. The bot looks up prices and free slots, and books.")
    for text in _CHAT:
        _talk(scene, budi, text)
    _step("Sari, who came without an ad, wants the same slot. The booking tool says no: nothing is reported.")
    _talk(scene, sari, "Booking repaint velg besok jam 10 dong")
    _step("Meta has Budi's booking, under the name for chats that an ad opened, with his click id:")
    event = until("the event at Meta", scene.events)[0]
    _say(json.dumps({name: event[name] for name in _SHOWN if name in event}, indent=2))
    _step("Budi's way from the ad to the booking, as Konversi keeps it:")
    _show_journey(scene)
    return _verdict(scene, click_id)


def _talk(scene: Stage, person: Person, text: str, kind: Any = "organic", click_id: str = "") -> None:
    _say(f"   {person.name.split()[0]:>5}: {text}")
    answer = says(scene, person, text, kind, click_id)
    _say("     bot: " + answer.replace("\n", "\n          "))


def _show_journey(scene: Stage) -> None:
    journey = until("the journey's event", lambda: _booked(scene))
    _say(f"   $ konversi journeys show {journey}")
    shown = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "konversi", "journeys", "show", journey],
        cwd=scene.folder,
        env=os.environ | {"KONVERSI_URL": scene.konversi},
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    _say(shown.stdout.decode())


def _booked(scene: Stage) -> str | None:
    """The journey whose event is delivered, and whose tool calls, which the bot tells in the background, are there."""
    for one in scene.journeys():
        kinds = {entry["kind"] for entry in one["timeline"] if entry.get("state") in (None, "delivered")}
        if {"click", "tool_call", "event"} <= kinds:
            return str(one["journey"])
    return None


def _verdict(scene: Stage, click_id: str) -> bool:
    events = scene.events()
    found = [one for one in events if one.get("user_data", {}).get("ctwa_clid") == click_id]
    arrived = len(events) == 1 == len(found) and found[0]["event_name"] == "LeadSubmitted"
    _step(
        "One LeadSubmitted with the ad's click id. Done."
        if arrived
        else f"Wrong: {len(events)} events, {len(found)} fit."
    )
    return arrived


def _leave_running(scene: Stage) -> None:
    konversi, door = Path(sys.executable).with_name("konversi"), f"{scene.konversi}/webhooks/whatsapp"
    _say("\nAll of it is running; Ctrl-C ends it. Write to the bot, and look:")
    _say(f'   {konversi} whatsapp simulate {door} --secret {APP_SECRET} --kind organic --text "Lusa masih kosong?"')
    _say(f"   curl {scene.meta}/_sandbox/messages")
    _say(f"   curl {scene.meta}/_sandbox/events")
    try:
        while all(process.poll() is None for process in scene.processes):
            try:
                scene.processes[0].wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    except KeyboardInterrupt:
        _say("")


_number = 0


def _step(title: str) -> None:
    global _number  # noqa: PLW0603 - the steps of one run
    _number += 1
    _say(f"\n{_number}. {title}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program for people


def _logs(folder: Path) -> str:
    """What the programs had to say, where something went wrong."""
    return "\n".join(
        f"--- {log.stem}\n{log.read_text(errors='replace')[-2000:]}" for log in sorted(folder.glob("*.log"))
    )


if __name__ == "__main__":
    sys.exit(main())
