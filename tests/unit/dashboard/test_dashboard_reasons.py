"""Reasons on the pages: what the gateway writes in English reads in Bahasa Indonesia, sentence by sentence."""

import importlib
import pkgutil

import pytest

from konversi.alerts import rules
from konversi.dashboard.reasons import blanks_in, phrases, reason
from konversi.delivery import courier
from konversi.delivery.decide import HELD
from konversi.errors import KonversiError
from konversi.insight import spending
from konversi.meta import answers
from konversi.meta.answers import judge

MEANINGS = {*answers.RULES.values(), *answers._BY_STATUS.values(), answers._REDIRECT, answers._NO_GRAPH, answers._LOST}
FACTS = [
    rules.DatasetFacts("d", waiting_seconds=9e9, spent=0.71, left_seconds=60, expired=1, held=2, dead=3, open="Meta asks to slow down."),
    rules.DatasetFacts("d", token_left_seconds=86_400),
    rules.DatasetFacts("d", token_left_seconds=5 * 86_400, expired=2, held=1, dead=1),
    rules.DatasetFacts("d", token_left_seconds=-1.0),
]  # fmt: skip
FINDINGS = rules.findings(FACTS)
WRITTEN = [
    *(f"{rule.means} {rule.remedy}" for rule in MEANINGS),
    *(text for one in FINDINGS for text in (one.what, one.remedy)),
    *(rule.remedy for rule in rules.RULES),
    HELD.format(answers._LOST.means),
    f"{spending._NOT_ALLOWED[:-1]} (code 200).",
    courier._TOO_LATE,
]


def said_in_full(text):
    """Whether nothing of it is left as it was."""
    told = reason("id", text)
    kept = [one for one in text.split(". ") if len(one) > 12 and one.rstrip(".") in told]
    return told != text and not kept


@pytest.mark.parametrize("text", sorted(set(WRITTEN)))
def test_what_meta_delivery_and_alerts_say_is_said_in_the_language(text):
    assert said_in_full(text)
    assert reason("en", text) == text


ROOMS = tuple(
    f"konversi.{room}"
    for room in (
        "access",
        "alerts",
        "consent",
        "dashboard",
        "events",
        "imports",
        "insight",
        "intake",
        "payments",
        "value",
    )
)
# Never on a page: of the start, of commands, of programs' own addresses.
ELSEWHERE = {
    "AccountRefused", "AlertNotTold", "AllRefused", "ConversionRefused", "DatabaseMoved", "GatewayUnreachable",
    "InvalidSettings", "MetaRefused", "MissingExtra", "MoveRefused", "MoveUnfinished", "NotAGateway", "OtherSecret",
    "PaymentUnreadable", "SchemaBehind", "StorageInUse", "TestCodeInProduction", "UnsupportedMediaType",
    "WebhookNotSetUp", "WebhookNotVerified", "WebhookUnsigned", "WebhooksCrowded",
}  # fmt: skip


def errors_of_pages():
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            importlib.import_module(module.name)
    found, left = set(), list(KonversiError.__subclasses__())
    while left:
        error = left.pop()
        left.extend(error.__subclasses__())
        if error.__name__ not in ELSEWHERE and error.__module__.startswith(("konversi.errors", *ROOMS)):
            found.add(error)
    return sorted(found, key=lambda error: error.code)


@pytest.mark.parametrize("error", errors_of_pages(), ids=lambda error: error.code)
def test_an_error_that_pages_show_is_said_in_the_language(error):
    assert said_in_full(error.title())
    assert said_in_full(error.remedy())


def test_the_number_of_metas_error_stays_with_it():
    said = judge(400, b'{"error":{"code":190,"error_subcode":463}}', 1).reason
    assert reason("id", said).startswith(
        "Token akses tidak berlaku: sudah kedaluwarsa (kode 190, subcode 463). Buat yang baru"
    )
    assert "(HTTP 403). Beri" in reason("id", judge(403, b"<html>", 1).reason)


def test_what_a_person_wrote_is_left_as_it_is():
    assert reason("id", "Discarded: a test of ours.") == "Dibuang: a test of ours."
    assert reason("id", "Something nobody has foreseen. Nothing is lost.") == (
        "Something nobody has foreseen. Tidak ada yang hilang."
    )
    assert reason("id", "{n} braces {evil} and % signs") == "{n} braces {evil} and % signs"


def test_each_phrase_keeps_what_differs():
    for text, told in phrases("id").items():
        assert blanks_in(text) == blanks_in(told), text
