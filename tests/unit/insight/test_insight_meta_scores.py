"""What Meta says of datasets is asked once an hour, in the background."""

import asyncio
from contextlib import asynccontextmanager

from konversi.insight import meta_scores
from konversi.insight.meta_scores import MetaScores
from konversi.meta.answers import Kind, Verdict
from konversi.meta.graph import Credentials, Sent
from konversi.meta.usage import Usage

WEB = {"web": [{"event_name": "Purchase", "event_match_quality": {"composite_score": 7.5}}]}


class Graph:
    """Answers when it is let, and counts."""

    def __init__(self):
        self.calls = 0
        self.let = asyncio.Event()

    async def ask(self, *_, **__):
        self.calls += 1
        await self.let.wait()
        return Sent(Verdict(Kind.DELIVERED, ""), Usage()), WEB


def scores_over(graph, token="EAAx"):
    @asynccontextmanager
    async def opened():
        yield graph

    to = Credentials("1", token) if token else None
    return MetaScores(lambda _dataset: to, opened, lambda: 7.0)


async def answered(scores):
    async with asyncio.timeout(5):
        while (known := scores.of("default")) is None:
            await asyncio.sleep(0)
    return known


async def test_nobody_waits_and_one_question_is_enough():
    graph = Graph()
    scores = scores_over(graph)
    assert [scores.of("default") for _ in range(5)] == [None] * 5
    graph.let.set()
    known = await answered(scores)
    assert (known.asked_at, known.answered.events[0].score, graph.calls) == (7.0, 7.5, 1)


async def test_after_an_hour_meta_is_asked_again_and_the_old_answer_shown_meanwhile(monkeypatch):
    graph = Graph()
    graph.let.set()
    scores = scores_over(graph)
    known = await answered(scores)
    monkeypatch.setattr(meta_scores, "monotonic", lambda: 1e9)
    graph.let.clear()
    assert scores.of("default") is known
    await asyncio.sleep(0)
    await scores.aclose()
    assert graph.calls == 2


async def test_without_a_token_nothing_is_asked():
    graph = Graph()
    assert scores_over(graph, token=None).of("default") is None
    await asyncio.sleep(0)
    assert graph.calls == 0
