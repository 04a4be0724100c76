"""A stand-in for a language model, so that the bot runs offline: it knows a handful of turns in Indonesian.

It sees what a real model sees, the messages so far and the instructions, and answers with a text or a tool call.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart

from whatsapp_booking.indonesian import DAYS, rupiah

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_ai.models.function import AgentInfo

GREETING = "Halo kak, selamat datang di studio repaint! Mau tanya harga, cek jadwal, atau langsung booking?"
THANKS = "Sama-sama kak, ditunggu kedatangannya!"
NOT_UNDERSTOOD = "Maaf kak, kami bisa bantu soal harga, jadwal kosong, dan booking repaint motor."

_ASKS_PRICE = re.compile(r"\b(?:harga\w*|berapa|biaya\w*|pricelist|layanan\w*)\b")
_ASKS_SLOTS = re.compile(r"\b(?:slot|kosong|jadwal\w*|kapan)\b")
_THANKS = re.compile(r"\b(?:makasih|terima kasih|thanks)\b")
_BOOKS = re.compile(r"\b(?:booking|book|pesan|daftar)\b")
_GREETS = re.compile(r"\b(?:halo|hai|pagi|siang|sore|malam|assalamualaikum)\b")
_HOUR = re.compile(r"\b(?:jam|pukul) ?([0-9]{1,2})\b")
_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_SERVICES = {
    "halus": "Repaint Bodi Halus",
    "kasar": "Repaint Bodi Kasar",
    "velg": "Repaint Velg",
    "full": "Repaint Full Body",
}
_DAYS_AHEAD = {"hari ini": 0, "besok": 1, "lusa": 2}


def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """What a model would answer."""
    returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if returned:
        return _says(_TELLS[returned[-1].tool_name](returned[-1].content))
    today = _DATE.search(info.instructions or "")
    if today is None:
        raise ValueError("The instructions have to say which day it is.")
    return _answer(list(_prompts_since_the_last_booking(messages)), date.fromisoformat(today[0]))


def _prompts_since_the_last_booking(messages: Sequence[ModelMessage]) -> Iterator[str]:
    """What the customer wrote, newest first."""
    for message in reversed(messages):
        for part in message.parts:
            if isinstance(part, UserPromptPart):
                yield str(part.content).lower()
            elif isinstance(part, ToolReturnPart) and "bookingId" in part.content:
                return


def _answer(prompts: Sequence[str], today: date) -> ModelResponse:
    newest = prompts[0]
    day = next(filter(None, (_day(prompt, today) for prompt in prompts)), None)
    if _ASKS_PRICE.search(newest):
        return _calls("listServices")
    if _THANKS.search(newest):
        return _says(THANKS)
    if _ASKS_SLOTS.search(newest):
        return _calls("checkSlots", day=(day or today + timedelta(days=1)).isoformat())
    if any(map(_BOOKS.search, prompts)):
        return _book(prompts, day)
    return _says(GREETING if _GREETS.search(newest) else NOT_UNDERSTOOD)


def _book(prompts: Sequence[str], day: date | None) -> ModelResponse:
    """Book, or ask for what is missing; what was said last counts."""
    service = next(filter(None, map(_service, prompts)), None)
    hour = next((int(found[1]) for found in map(_HOUR.search, prompts) if found), None)
    if service is None:
        return _says("Siap kak, mau repaint apa: bodi halus, bodi kasar, velg, atau full body?")
    if day is None:
        return _says(f"Siap kak, {service} mau hari apa?")
    if hour is None:
        return _calls("checkSlots", day=day.isoformat())
    return _calls("createBooking", service=service, day=day.isoformat(), hour=hour)


def _service(prompt: str) -> str | None:
    return next((name for word, name in _SERVICES.items() if word in prompt), None)


def _day(prompt: str, today: date) -> date | None:
    written = _DATE.search(prompt)
    if written:
        return date.fromisoformat(written[0])
    for words, days in _DAYS_AHEAD.items():
        if words in prompt:
            return today + timedelta(days=days)
    for weekday, name in enumerate(DAYS):
        if name.lower() in prompt:
            return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    return None


def _tell_prices(found: dict[str, Any]) -> str:
    lines = [f"- {service['name']}: {rupiah(service['price'])}" for service in found["services"]]
    return "\n".join(["Ini daftar harganya kak:", *lines, "Mau kami cek jadwalnya?"])


def _tell_slots(found: dict[str, Any]) -> str:
    if not found["freeHours"]:
        return f"Maaf kak, {found['day']} sudah penuh. Mau coba hari lain?"
    return f"{found['day']} masih kosong jam {', '.join(found['freeHours'])}. Mau jam berapa kak?"


def _tell_booking(made: dict[str, Any]) -> str:
    if "bookingId" not in made:
        return f"Maaf kak. {made['message']} {_tell_slots(made)}"
    service, price = made["services"][0]["name"], rupiah(made["totalPrice"])
    when = f"{made['day']} jam {made['hour']}"
    return f"Siap kak, bookingnya sudah kami catat: {service}, {when}, {price}. Kode booking: {made['bookingId']}"


_TELLS = {"listServices": _tell_prices, "checkSlots": _tell_slots, "createBooking": _tell_booking}


def _says(text: str) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text)])


def _calls(tool: str, **arguments: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, arguments)])
