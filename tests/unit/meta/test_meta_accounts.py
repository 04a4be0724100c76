"""An account's own dataset, from the local Meta and from servers that misbehave."""

import json

import pytest
from test_meta_graph import a_meta, answer, says

from konversi.meta.accounts import dataset_of
from konversi.meta.answers import Kind
from konversi.meta.graph import GraphClient

WABA, PAGE, INSTAGRAM = "102290129340398", "203390129340398", "17841400000000001"
TOKEN = "EAAaccountsToken"


async def found(sandbox, account, token=TOKEN, app_secret=None):
    async with GraphClient(sandbox.graph_url, "v26.0") as graph:
        return await dataset_of(graph, account, token, app_secret)


@pytest.mark.parametrize("account", [WABA, PAGE, INSTAGRAM])
async def test_an_account_has_one_dataset_however_often_it_is_asked_for(meta_sandbox, account):
    first = await found(meta_sandbox, account)
    assert first.verdict.kind is Kind.DELIVERED
    assert first.dataset.isdigit()
    assert (await found(meta_sandbox, account, app_secret="a-secret")).dataset == first.dataset


async def test_a_dataset_that_is_there_is_found(meta_sandbox):
    meta_sandbox.declare(f"1234567890:{TOKEN}:waba={WABA}")
    assert (await found(meta_sandbox, WABA)).dataset == "1234567890"


@pytest.mark.parametrize(
    ("account", "token", "says"),
    [
        (WABA, "invalid-token", "Invalid access token"),
        (WABA, "EAAsomebodyElses", "Pixel not found"),
        ("99999", TOKEN, ""),
    ],
)
async def test_meta_refuses_in_words_that_tell_what_to_do(meta_sandbox, account, token, says):
    meta_sandbox.declare(f"1234567890:{TOKEN}:waba={WABA}")
    refused = await found(meta_sandbox, account, token)
    assert refused.dataset is None
    assert refused.verdict.kind is Kind.PAUSED
    assert says in refused.verdict.reason
    assert token not in repr(refused)


async def test_the_token_travels_in_a_header_only():
    async with a_meta(says(answer(b'{"id":"1234567890"}'))) as (server, graph):
        assert (await dataset_of(graph, WABA, TOKEN, "app-secret")).dataset == "1234567890"
    (head,) = server.heads
    assert head.startswith(f"POST /v26.0/{WABA}/dataset HTTP")
    assert f"authorization: Bearer {TOKEN}" in head
    (body,) = server.bodies
    assert TOKEN.encode() not in body
    assert b"app-secret" not in body
    assert len(json.loads(body)["appsecret_proof"]) == 64


REFUSED = answer(b'{"error":{"code":200,"message":"(#200)"}}', "403 Forbidden")


async def test_a_token_that_may_only_look_finds_the_dataset_that_is_there():
    async with a_meta(says(REFUSED, answer(b'{"data":[{"id":"1234567890"}]}'))) as (server, graph):
        assert (await dataset_of(graph, WABA, TOKEN)).dataset == "1234567890"
    assert server.heads[1].startswith(f"GET /v26.0/{WABA}/dataset?fields=id HTTP")


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([REFUSED, answer(b'{"data":[]}')], Kind.PAUSED),
        ([REFUSED, REFUSED], Kind.PAUSED),
        ([answer(b'{"success":true}'), answer(b'{"data":[{}]}')], Kind.UNCLEAR),
        ([answer(b'{"id":"../me"}'), answer(b'{"data":"none"}')], Kind.UNCLEAR),
        ([answer(b"<html>"), answer(b"<html>")], Kind.IN_DOUBT),
        ([answer(b"[]"), answer(b"{}")], Kind.IN_DOUBT),
    ],
)
async def test_an_answer_without_an_id_is_no_dataset(answers, kind):
    async with a_meta(says(*answers)) as (_, graph):
        refused = await dataset_of(graph, WABA, TOKEN)
    assert (refused.dataset, refused.verdict.kind) == (None, kind)
    assert refused.verdict.reason


async def test_a_meta_that_is_not_there_is_asked_once_and_raises_nothing(unused_port):
    async with GraphClient(f"http://127.0.0.1:{unused_port}", "v26.0") as graph:
        refused = await dataset_of(graph, WABA, TOKEN)
    assert (refused.dataset, refused.verdict.kind) == (None, Kind.NOT_SENT)
