from __future__ import annotations

import dataclasses
import enum
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from konversi.detection import succeeded

BOOKED = {"booking_id": "BK-1", "status": "confirmed"}


class Booked(BaseModel):
    booking_id: str
    status: str = "confirmed"


@dataclasses.dataclass
class BookedData:
    booking_id: str
    ok: bool = True


class State(enum.Enum):
    FAILED = "failed"
    DONE = "done"


class Dumpable:
    __slots__ = ()

    def model_dump(self):
        return {"booking_id": "BK-1", "ok": False}


@pytest.mark.parametrize(
    "result",
    [
        BOOKED,
        json.dumps(BOOKED),
        json.dumps(json.dumps(BOOKED)),
        str(BOOKED),
        Booked(booking_id="BK-1"),
        BookedData("BK-1"),
        SimpleNamespace(booking_id="BK-1"),
        [BOOKED],
        ("Booked for you", BOOKED),
        [{"type": "text", "text": json.dumps(BOOKED)}],
        {"content": [{"type": "text", "text": json.dumps(BOOKED)}], "isError": False},
        {"content": [{"type": "text", "text": "Booked"}], "structuredContent": BOOKED},
        {"ok": True},
        {"success": True, "error": None, "errors": [], "error_message": ""},
        {"booking": {"id": 7}},
        {"status": 201, "id": 7},
        {"state": State.DONE},
        {"booking": "BK-1"},
    ],
)
def test_a_result_that_shows_a_booking_and_no_failure_succeeded(result):
    assert succeeded(result).ok


@pytest.mark.parametrize(
    "result",
    [
        {"status": status, "booking_id": "BK-1"}
        for status in (
            "error", "failed", "Failure", "rejected", "unavailable", "pending", "needs_confirmation", "NEEDS-CONFIRMATION",
            "cancelled", "canceled", "denied", "retried", "interrupted", "timeout", "needsConfirmation", 500, "404",
            State.FAILED,
        )
    ]
    + [
        {"ok": False, "booking_id": "BK-1"},
        {"success": "false", "booking_id": "BK-1"},
        {"success": 0, "booking_id": "BK-1"},
        {"booking_id": "BK-1", "error": "slot taken"},
        {"booking_id": "BK-1", "errors": [{"field": "date"}]},
        {"booking_id": "BK-1", "errorMessage": "slot taken"},
        {"state": "failed", "booking_id": "BK-1"},
        {"isError": True, "content": [{"type": "text", "text": json.dumps(BOOKED)}]},
        {"data": {"booking": {"status": "pending", "id": 7}}},
        {"result": json.dumps({"status": "error"})},
        {"type": "error-json", "value": BOOKED},
        [{"type": "text", "text": '{"status": "error"}'}],
        ({"error": "slot taken"}, 400),
        Booked(booking_id="BK-1", status="rejected"),
        BookedData("BK-1", ok=False),
        Dumpable(),
        ValueError("slot taken"),
    ],
)  # fmt: skip
def test_a_result_that_says_failure_anywhere_did_not_succeed(result):
    assert not succeeded(result).ok


@pytest.mark.parametrize(
    "result",
    [
        json.dumps({"status": "error", "booking_id": "BK-1"}),
        json.dumps(json.dumps({"status": "error", "booking_id": "BK-1"})),
        "{'status': 'error', 'booking_id': 'BK-1'}",
    ],
)
def test_a_soft_failure_is_found_inside_text(result):
    assert "status" in succeeded(result).why


@pytest.mark.parametrize(
    "sentence",
    [
        "An error occurred while running the tool. Please try again. Error: no slot",
        "An error occurred while running the tool. Please try again.",
        "Error executing tool create_booking: no slot",
        "Error calling tool 'create_booking': no slot",
        "Error invoking tool 'create_booking' with kwargs {} with error: no slot",
        "Error: no slot\n Please fix your mistakes.",
        "Tool error",
        "Tool 'create_booking' timed out after 10 seconds.",
        "Tool execution was not approved.",
        "The tool call was denied.",
        "User rejected the tool call for `create_booking` with id 1",
        "I encountered an error while trying to use the tool. This was the error: no slot.",
        "Encountered error: no slot",
    ],
)
def test_the_error_sentences_of_frameworks_are_known(sentence):
    outcome = succeeded(sentence)
    assert (outcome.ok, outcome.why) == (False, "the result is a framework's error message")
    assert not succeeded({"result": sentence}).ok


@pytest.mark.parametrize("result", ["Booked, see you!", {"message": "Booked"}, {"result": "Booked"}, ["Booked"]])
def test_text_alone_does_not_count_and_says_what_to_do(result):
    outcome = succeeded(result)
    assert not outcome.ok
    assert "text only" in outcome.why
    assert "success=" in outcome.remedy


@pytest.mark.parametrize(
    "result", [None, True, 7, {}, [], "", b"{}", {"data": []}, {"booking": None}, {"booking": {}}, object]
)
def test_a_result_that_says_nothing_does_not_count(result):
    assert not succeeded(result).ok


def test_a_predicate_decides_in_place_of_the_rules():
    assert succeeded("Booked", success=lambda text: text.startswith("Booked")).ok
    assert succeeded({"status": "pending"}, success=lambda result: result["status"] == "pending").ok
    assert not succeeded(BOOKED, success=lambda _: False).ok


def test_no_predicate_overrules_an_exception_or_the_frameworks_own_flag():
    assert not succeeded(BOOKED, is_error=True, success=lambda _: True).ok
    assert not succeeded(ValueError(), success=lambda _: True).ok


def test_a_predicate_that_raises_is_a_no_that_names_the_kind_of_error_only():
    outcome = succeeded({"phone": "0812"}, success=lambda result: result["booking_id"])
    assert not outcome.ok
    assert "KeyError" in outcome.why
    assert outcome.remedy


def test_a_configured_id_has_to_be_there():
    assert succeeded(BOOKED, id_path="booking_id").ok
    assert succeeded(BOOKED, id_path="bookingId").ok
    assert not succeeded({"ok": True}, id_path="booking_id").ok
    assert not succeeded({"ok": True, "booking_id": ""}, id_path="booking_id").ok
    assert succeeded({"ok": True}, id_path="booking_id", arguments={"booking_id": "BK-1"}).ok


def test_no_outcome_quotes_the_result():
    for result in ({"status": "error", "message": "0812-secret"}, "0812-secret", {"error": "0812-secret"}):
        assert "0812" not in repr(succeeded(result))


def test_a_result_that_holds_itself_is_judged_all_the_same():
    result = {"ok": True}
    result["data"] = [result, result, result]
    assert succeeded(result).ok


def test_a_property_that_raises_is_absent():
    class Detached(BaseModel):
        booking_id: str = "BK-1"

        @property
        def shop(self):
            raise RuntimeError

    assert succeeded(Detached()).ok
    with pytest.raises(ValidationError):
        Detached(booking_id=1)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 100_000, "{" + "-" * 40_000 + "1}", '{"a": ' + "9" * 5_000 + "}", "{'a': \x00}"]
)
def test_hostile_text_is_text(text):
    assert not succeeded(text).ok


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "data", "ok", "error", "content", "x"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_a_failure_flag_always_wins(result):
    assert not succeeded({"data": result, "ok": False, "booking_id": "BK-1"}).ok


@given(JSON)
def test_text_and_value_are_judged_alike(result):
    wrapped = {"booking_id": "BK-1", "result": result}
    assert succeeded(json.dumps(wrapped)).ok == succeeded(json.loads(json.dumps(wrapped))).ok
