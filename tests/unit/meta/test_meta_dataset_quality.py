"""Meta's own view of a dataset, read with care."""

import orjson
import pytest

from konversi.clock import now
from konversi.meta.answers import Kind, Verdict
from konversi.meta.dataset_quality import quality_of
from konversi.meta.graph import Credentials, GraphClient, Sent
from konversi.meta.usage import Usage

DATASET = "1234567890"
PURCHASE = {
    "event_name": "Purchase",
    "action_source": "website",
    "event_source_url": "https://studio.example/",
    "user_data": {"em": ["a" * 64], "client_user_agent": "M"},
    "custom_data": {"value": 1, "currency": "IDR"},
}


async def asked(meta, token="EAA-a-good-token", send=()):
    to = Credentials(DATASET, token)
    async with GraphClient(meta.graph_url, "v26.0") as graph:
        for event in send:
            written = orjson.dumps({**event, "event_time": int(now())})
            assert (await graph.send(to, written, events=1, test_code=None)).verdict.kind is Kind.DELIVERED
        return await quality_of(graph, to)


async def test_website_events_have_a_score_and_coverage(meta_sandbox):
    (found,) = (await asked(meta_sandbox, send=[PURCHASE])).events
    assert found.event == "Purchase"
    assert 0 < found.score <= 10
    assert found.coverage == {"em": 100.0, "client_user_agent": 100.0}
    assert found.upload_frequency == "real_time"


async def test_a_token_that_may_not_ask_is_told_apart_from_a_meta_that_is_away(meta_sandbox):
    refused = await asked(meta_sandbox, token="limited-to-events")
    assert (refused.events, refused.granted) == (None, False)
    meta_sandbox.fault("server_error", requests=1)
    away = await asked(meta_sandbox)
    assert (away.events, away.granted) == (None, True)


class Graph:
    """Answers what it is told to."""

    def __init__(self, answer):
        self.answer = answer

    async def ask(self, *_, **__):
        return Sent(Verdict(Kind.DELIVERED, ""), Usage()), self.answer


@pytest.mark.parametrize(
    "web", [None, "x", [None, 3], [{"event_name": 5, "event_match_quality": {"composite_score": "99"}}], [{}]]
)
async def test_an_answer_of_another_shape_has_no_scores(web):
    found = await quality_of(Graph({"web": web}), Credentials(DATASET, "EAAx"))
    assert all(one.score is None and one.coverage == {} for one in found.events)
