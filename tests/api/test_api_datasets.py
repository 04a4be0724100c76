"""The doors for datasets: added, linked, checked, removed, and events that flow to each; a token comes out nowhere."""

from __future__ import annotations

import json

import pytest
from api_harness import EVENTS, GUIDE, PIXEL, TOKEN, booking, graph_error, is_problem, lead, plain, received, running

from konversi.outbox.states import State

DATASETS = "/v1/datasets"
SPA, STUDIO = "1000000003", "1000000002"
WABA = "102290129340398"
SPA_TOKEN, NEWER, APP_SECRET = "EAAspaTokenNeverShown123", "EAAnewerTokenNeverShown1", "appSecretNeverShown"
SECRETS = (SPA_TOKEN, NEWER, APP_SECRET, TOKEN)


@pytest.fixture
def graph(meta_sandbox):
    """A local Meta with the spa's dataset, whose token is good, and a WhatsApp account that has none yet."""
    meta_sandbox.declare(f"{SPA}:{SPA_TOKEN}")
    meta_sandbox.declare(f"waba={WABA}:{SPA_TOKEN}")
    return meta_sandbox


@pytest.fixture
def gateway(settings, meta, graph):
    with running(settings(graph_url=graph.graph_url), meta=meta) as server:
        yield server


def added(http, **changed):
    answer = http.post(DATASETS, json={"id": SPA, "token": SPA_TOKEN, **changed})
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(http):
    return {one["id"]: one for one in http.get(DATASETS).json()["datasets"]}


def test_the_dataset_of_the_settings_is_listed_first(http):
    (own,) = http.get(DATASETS).json()["datasets"]
    assert (own["id"], own["default"], own["from"], own["has_token"]) == (PIXEL, True, "settings", True)


def test_an_added_dataset_is_listed_without_its_token(http):
    said = added(http, name="Spa", app_secret=APP_SECRET, on_in_doubt="hold")
    assert listed(http)[SPA] == said
    assert (said["name"], said["has_token"], said["has_app_secret"], said["on_in_doubt"]) == ("Spa", True, True, "hold")
    text = http.get(DATASETS).text + json.dumps(said)
    assert not [secret for secret in SECRETS if secret in text]


def test_an_event_goes_to_the_dataset_it_names_with_that_ones_token(http, gateway, meta):
    added(http, app_secret=APP_SECRET)
    receipt = http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"]
    assert gateway.ended(receipt)["state"] == "delivered"
    assert [(to.pixel_id, to.token, to.app_secret) for to in meta.to] == [(SPA, SPA_TOKEN, APP_SECRET)]
    assert [one["receipt"] for one in http.get(EVENTS, params={"dataset": SPA}).json()["events"]] == [receipt]


def test_an_event_for_a_dataset_nobody_added_is_refused(http):
    said = is_problem(http.post(EVENTS, json=lead(dataset=SPA)), status=422)
    assert [fault["code"] for fault in said["errors"]] == ["unknown_dataset"]


def test_a_dataset_added_under_the_pixel_id_is_the_default_one(http, gateway, meta):
    added(http, id=PIXEL, token=NEWER)
    assert listed(http)[PIXEL]["default"]
    gateway.ended(http.post(EVENTS, json=lead()).json()["receipt"])
    assert [to.token for to in meta.to] == [NEWER]


def test_without_default_credentials_an_added_datasets_events_flow(settings, meta):
    with running(settings(pixel_id=None, token=None), meta=meta) as server, server.client() as http:
        assert http.get("/v1/status").json()["configured"] is False
        added(http)
        assert http.get("/v1/status").json()["configured"] is True
        assert http.get(GUIDE).json()["configured"] is False
        assert server.ended(http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"])["state"] == "delivered"
        kept = http.post(GUIDE, json=booking(), headers={"prefer": "wait=1"}).json()
        assert "Missing Meta credentials" in kept["warning"]


def test_a_new_token_wakes_a_paused_lane_at_once(http, gateway, meta):
    added(http)
    meta.answer = graph_error(190)
    receipt = http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"]
    assert gateway.ended(receipt)["state"] == "waiting"
    meta.answer = received
    added(http, token=NEWER)
    assert gateway.ended(receipt, attempts=2)["state"] == "delivered"
    assert [to.token for to in meta.to] == [SPA_TOKEN, NEWER]


def test_a_dataset_that_holds_what_is_in_doubt_does_so_and_the_default_one_does_not(http, gateway, meta):
    added(http, on_in_doubt="hold")
    meta.answer = plain(200)
    held, resent = (http.post(EVENTS, json=lead(dataset=one)).json()["receipt"] for one in (SPA, PIXEL))
    assert gateway.ended(held)["state"] == State.HELD
    assert gateway.ended(resent)["state"] == State.WAITING


def test_a_check_says_that_all_is_well_or_what_to_do(http):
    added(http)
    assert http.post(f"{DATASETS}/{SPA}/check").json()["ok"] is True
    assert listed(http)[SPA]["checked_at"]
    added(http, token="invalid-token-of-the-spa")
    said = http.post(f"{DATASETS}/{SPA}/check").json()
    assert said["ok"] is False
    assert "Invalid access token" in said["fault"]
    assert "konversi datasets add" in said["fault"]
    assert listed(http)[SPA]["fault"] == said["fault"]


def test_the_dataset_of_the_settings_can_be_checked_too(http, graph):
    graph.declare(f"{PIXEL}:{TOKEN}")
    assert http.post(f"{DATASETS}/{PIXEL}/check").json()["ok"] is True
    assert listed(http)[PIXEL]["checked_at"]


def test_what_a_check_of_the_settings_dataset_found_stands_in_the_list(settings, meta):
    with running(settings(graph_url="http://127.0.0.1:1"), meta=meta) as server, server.client() as http:
        said = http.post(f"{DATASETS}/{PIXEL}/check").json()
        assert listed(http)[PIXEL]["fault"] == said["fault"]
        assert listed(http)[PIXEL]["checked_at"] is not None


def test_a_check_without_a_network_says_so(settings, meta):
    with running(settings(graph_url="http://127.0.0.1:1"), meta=meta) as server, server.client() as http:
        said = http.post(f"{DATASETS}/{PIXEL}/check").json()
        assert said["ok"] is False
        assert "could not be reached" in said["fault"]
        answer = http.post(f"/v1/accounts/{WABA}/dataset", json={"token": SPA_TOKEN})
        is_problem(answer, status=503, code="meta_away")
        assert answer.headers["retry-after"]


def test_an_account_and_its_numbers_are_linked(http, gateway):
    added(http)
    given = {"channel": "whatsapp", "account": WABA, "lines": ["+62 812-3456-7890", "110022003300"]}
    said = http.post(f"{DATASETS}/{SPA}/accounts", json=given).json()
    linked = {"channel": "whatsapp", "account": WABA, "lines": ["+6281234567890", "110022003300"]}
    assert said["accounts"] == listed(http)[SPA]["accounts"] == [linked]


def test_the_accounts_own_dataset_is_made_kept_with_its_token_and_linked(http, gateway, meta):
    given = {"token": SPA_TOKEN, "name": "Spa", "lines": ["110022003300"]}
    said = http.post(f"/v1/accounts/{WABA}/dataset", json=given).json()
    assert said["accounts"] == [{"channel": "whatsapp", "account": WABA, "lines": ["110022003300"]}]
    assert (said["name"], said["from"]) == ("Spa", "added")
    gateway.ended(http.post(EVENTS, json=lead(dataset=said["id"])).json()["receipt"])
    assert [(to.pixel_id, to.token) for to in meta.to] == [(said["id"], SPA_TOKEN)]
    again = http.post(f"/v1/accounts/{WABA}/dataset", json={}).json()  # with the token that is known
    assert (again["id"], again["name"]) == (said["id"], "Spa")


def test_an_account_that_meta_does_not_show_to_the_token_is_not_linked(http):
    answer = http.post(f"/v1/accounts/{WABA}/dataset", json={"token": NEWER})
    said = is_problem(answer, status=422, code="account_refused")
    assert "whatsapp_business_manage_events" in said["remedy"]
    assert NEWER not in answer.text
    assert set(listed(http)) == {PIXEL}


def test_an_account_without_any_token_needs_one(settings, meta, graph):
    given = settings(pixel_id=None, token=None, graph_url=graph.graph_url)
    with running(given, meta=meta) as server, server.client() as http:
        said = is_problem(http.post(f"/v1/accounts/{WABA}/dataset", json={}), status=422)
        assert [fault["field"] for fault in said["errors"]] == ["token"]


def test_a_removed_dataset_takes_no_events(http):
    added(http)
    assert http.delete(f"{DATASETS}/{SPA}").json() == {"id": SPA, "removed": True}
    assert set(listed(http)) == {PIXEL}
    is_problem(http.post(EVENTS, json=lead(dataset=SPA)), status=422)


def test_a_dataset_is_not_removed_while_events_wait_for_it(http, gateway, meta):
    added(http)
    meta.answer = graph_error(190)
    receipt = http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"]
    assert gateway.ended(receipt)["state"] == "waiting"
    is_problem(http.delete(f"{DATASETS}/{SPA}"), status=409, code="dataset_in_use")
    http.post(f"{EVENTS}/{receipt}/discard", json={"reason": "The shop has closed."})
    assert http.delete(f"{DATASETS}/{SPA}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"{DATASETS}/{STUDIO}", None),
        ("DELETE", f"{DATASETS}/{PIXEL}", None),  # the settings' own is not ours to remove
        ("POST", f"{DATASETS}/{STUDIO}/check", None),
        ("POST", f"{DATASETS}/{STUDIO}/accounts", {"account": WABA}),
    ],
)
def test_a_dataset_that_is_not_there_is_not_found(http, method, path, body):
    is_problem(http.request(method, path, json=body), status=404, code="dataset_unknown")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (DATASETS, {"id": "12", "token": SPA_TOKEN}, "id"),
        (DATASETS, {"id": "../me", "token": SPA_TOKEN}, "id"),
        (DATASETS, {"id": SPA}, "token"),
        (DATASETS, {"id": SPA, "token": f"{SPA_TOKEN} {SPA_TOKEN}"}, "token"),
        (DATASETS, {"id": SPA, "token": f"{SPA_TOKEN}é"}, "token"),
        (DATASETS, {"id": SPA, "token": SPA_TOKEN, "on_in_doubt": "forget"}, "on_in_doubt"),
        (DATASETS, {"id": SPA, "token": SPA_TOKEN, "secret": APP_SECRET}, "secret"),
        (f"{DATASETS}/{PIXEL}/accounts", {"account": "me"}, "account"),
        (f"{DATASETS}/{PIXEL}/accounts", {"account": WABA, "channel": "signal"}, "channel"),
        (f"{DATASETS}/{PIXEL}/accounts", {"account": WABA, "lines": ["0812-3456-7890"]}, "lines.0"),
        (f"{DATASETS}/{PIXEL}/accounts", {"account": WABA, "channel": "messenger", "lines": ["110022003300"]}, "lines"),
        (f"/v1/accounts/{WABA}/dataset", {"token": ""}, "token"),
    ],
)
def test_what_can_not_be_taken_is_named_and_never_repeated(http, path, body, field):
    answer = http.post(path, json=body)
    said = is_problem(answer, status=422)
    assert [fault["field"] for fault in said["errors"]] == [field]
    assert not [secret for secret in SECRETS if secret in answer.text]


def test_no_secret_reaches_a_log_an_answer_or_the_database(settings, meta, graph, caplog, tmp_path):
    given = settings(graph_url=graph.graph_url, database_url=f"sqlite:///{tmp_path}/data/own.db")
    texts = []
    with running(given, meta=meta) as server, server.client() as http:
        added(http, app_secret=APP_SECRET)
        meta.answer = graph_error(190)
        receipt = http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"]
        texts.append(json.dumps(server.ended(receipt)))
        added(http, token=NEWER)
        http.post(f"{DATASETS}/{SPA}/accounts", json={"account": WABA})
        http.post(f"/v1/accounts/{WABA}/dataset", json={"token": NEWER})
        texts += [http.get(path).text for path in (DATASETS, "/v1/status", "/metrics", EVENTS, "/openapi.json")]
        texts.append(http.post(f"{DATASETS}/{SPA}/check").text)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert SPA.encode() in stored
    for secret in SECRETS:
        assert secret.encode() not in stored
        assert secret not in caplog.text
        assert not [text for text in texts if secret in text]


def test_datasets_are_there_after_a_restart(settings, meta, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path}/data/own.db")
    with running(given, meta=meta) as server, server.client() as http:
        added(http)
    with running(given, meta=meta) as server, server.client() as http:
        assert server.ended(http.post(EVENTS, json=lead(dataset=SPA)).json()["receipt"])["state"] == "delivered"
    assert meta.to[-1].token == SPA_TOKEN


def test_a_check_says_when_the_token_expires_where_meta_tells(http, gateway, graph):
    graph.declare(STUDIO)
    added(http, id=STUDIO, token="expires3d-token-of-the-studio")
    assert listed(http)[STUDIO]["token_expires"] == "unknown"
    said = http.post(f"{DATASETS}/{STUDIO}/check").json()
    assert said["ok"] is True
    assert listed(http)[STUDIO]["token_expires_at"] == said["token_expires_at"] is not None
    gateway.call(gateway.gateway.alerts.look())
    (alert,) = gateway.call(gateway.gateway.alerts.open())
    assert (alert["rule"], alert["dataset"], alert["severity"]) == ("token_expiring", STUDIO, "error")
    added(http, id=STUDIO, token="a-token-that-lasts")
    assert http.post(f"{DATASETS}/{STUDIO}/check").json()["token_expires"] == "never"
    added(http, id=STUDIO, token="limited-token-that-may-not-ask")
    assert http.post(f"{DATASETS}/{STUDIO}/check").json()["token_expires"] == "unknown"


def test_meta_is_asked_about_tokens_that_nobody_checks(http, gateway):
    added(http, id=STUDIO, token="expires9d-token-of-the-studio")
    gateway.call(gateway.gateway.catalogue.look_at_tokens(0.0))
    found = listed(http)
    assert found[STUDIO]["token_expires_at"]
    assert found[PIXEL]["token_expires"] == "never", "the token of the settings is looked at as well"
