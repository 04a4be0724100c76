"""Custom conversions: made of a rule about bookings, once, listed, and what Meta's refusals become."""

from __future__ import annotations

import asyncio
import json

import pytest
from api_harness import PIXEL, TOKEN, is_problem, running

from konversi.cli import custom_conversions as command
from konversi.meta import custom_conversions as conversions
from konversi.meta.answers import Kind, Verdict
from konversi.meta.custom_conversions import Wanted, rule_of
from konversi.meta.graph import Credentials, Sent
from konversi.meta.usage import Usage
from konversi.sandbox.ads import ACCOUNT
from konversi.settings import load

DOOR = "/v1/custom-conversions"
BIG = {"name": "Big bookings", "min_value": 500_000, "where": {"service_type": "repaint"}}
BOTH_NAMES = {"or": [{"event": {"eq": "Lead"}}, {"event": {"eq": "LeadSubmitted"}}]}


@pytest.fixture
def graph(meta_sandbox):
    meta_sandbox.declare(f"{PIXEL}:{TOKEN}")
    return meta_sandbox


@pytest.fixture
def given(settings, graph):
    return settings(graph_url=graph.graph_url, ad_account_id=f"act_{ACCOUNT}")


@pytest.fixture
def http(given):
    with running(given) as server, server.client() as client:
        yield client


def test_a_custom_conversion_is_made_of_a_rule_and_listed(http):
    made = http.post(DOOR, json=BIG).json()
    assert made["new"]
    assert (made["account"], made["dataset"], made["type"]) == (f"act_{ACCOUNT}", PIXEL, "LEAD")
    assert made["rule"] == {
        "and": [BOTH_NAMES, {"value": {"gte": "500000"}}, {"service_type": {"i_contains": "repaint"}}]
    }
    (listed,) = http.get(DOOR).json()["custom_conversions"]
    assert (listed["id"], listed["name"], listed["dataset"]) == (made["id"], "Big bookings", PIXEL)
    assert json.loads(listed["rule"]) == made["rule"]


def test_the_same_one_is_made_once_and_another_rule_is_another(http):
    first = http.post(DOOR, json=BIG).json()
    again = http.post(DOOR, json=BIG).json()
    other = http.post(DOOR, json={**BIG, "min_value": 1}).json()
    assert (again["id"], again["new"]) == (first["id"], False)
    assert other["new"]
    assert len(http.get(DOOR).json()["custom_conversions"]) == 2


class LostAnswers:
    """A Graph that takes what it is sent, and says nothing."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []

    async def ask(self, method, _path, _to, /, **given):
        if method == "GET":
            return Sent(Verdict(Kind.DELIVERED, "", 200), Usage()), {"data": list(self.rows)}
        self.rows.append({"id": "71", **given})
        return Sent(Verdict(Kind.IN_DOUBT, "Meta did not answer."), Usage()), {}


def test_one_whose_answer_was_lost_is_found_and_not_made_again():
    graph, to = LostAnswers(), Credentials("act_1", TOKEN, None)
    for new in (True, False):
        made = asyncio.run(conversions.made(graph, to, PIXEL, Wanted("Big", "Lead")))  # type: ignore[arg-type]
        assert (made.id, made.new) == ("71", new)
    assert len(graph.rows) == 1


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("permission", 422, "conversion_refused"), ("rate_limit", 503, "meta_away")]
)
def test_what_meta_says_is_told_with_what_to_do(http, graph, fault, status, code):
    graph.fault(fault, edge="customconversions")
    is_problem(http.post(DOOR, json=BIG), status=status, code=code)
    is_problem(http.get(DOOR), status=status, code=code)


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"event": "?"}, {"where": {"a b": "x"}}, {"account": "x"}, {"dataset": "x"}, {"min_value": -1}],
)
def test_what_can_be_no_rule_is_refused_before_meta_is_asked(http, wrong):
    is_problem(http.post(DOOR, json={**BIG, **wrong}), status=422)


def test_without_an_ad_account_or_a_token_it_is_said_what_is_missing(settings, graph):
    with running(settings(graph_url=graph.graph_url)) as server, server.client() as http:
        assert is_problem(http.post(DOOR, json=BIG), status=422)["errors"][0]["field"] == "account"
        is_problem(http.get(DOOR), status=422)
    bare = settings(token=None, ad_account_id=f"act_{ACCOUNT}", graph_url=graph.graph_url)
    with running(bare) as server, server.client() as http:
        is_problem(http.post(DOOR, json=BIG), status=422, code="conversion_refused")


def test_a_rule_names_each_event_once_and_writes_amounts_without_an_exponent():
    rule = rule_of(Wanted("x", "Purchase", source="form", min_value=1e12))
    assert rule == {
        "and": [{"event": {"eq": "Purchase"}}, {"source": {"eq": "form"}}, {"value": {"gte": "1000000000000"}}]
    }
    assert rule_of(Wanted("x", "Lead", min_value=0.5))["and"][1] == {"value": {"gte": "0.5"}}


def test_the_command_does_the_same_at_a_gateway_and_without_one(given, graph, capsys, tmp_path):
    wanted = {"name": "Big bookings", "min_value": 500_000}
    with running(given) as server:
        there = given.model_copy(update={"url": server.url})
        assert command.create(there, wanted, ["service_type=repaint"], as_json=False) == 0
        assert "It is made." in capsys.readouterr().err
    alone = load(
        pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path / "alone", graph_url=graph.graph_url,
        ad_account_id=f"act_{ACCOUNT}", port=1,
    )  # fmt: skip
    assert command.create(alone, wanted, ["service_type=repaint"], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["new"] is False
    assert command.show_list(alone, ACCOUNT, as_json=False) == 0
    assert "Big bookings" in capsys.readouterr().out
