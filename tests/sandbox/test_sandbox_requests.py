"""How a request may be written, and who may send it."""

import json

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN, lead, whatsapp

EVENTS = f"/v26.0/{DATASET}/events"


def test_a_json_request_is_answered_as_meta_does(send):
    answer = send(lead(), lead(event_id="2"))
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("fbtrace_id")
    assert body == {"events_received": 2, "messages": []}


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda event: {"data": json.dumps([event])}, id="an array of objects"),
        pytest.param(lambda event: {"data": json.dumps([json.dumps(event)])}, id="an array of JSON strings"),
        pytest.param(lambda event: {"data": json.dumps(event)}, id="a single object"),
    ],
)
def test_a_form_holds_the_events_as_json(http, meta, written):
    event = lead()
    assert http.post(EVENTS, data=written(event)).status_code == 200
    assert [entry["event"] for entry in meta.events()] == [event]


def test_a_multipart_form_works_as_in_metas_own_examples(http, meta):
    event = lead()
    fields = {"data": (None, json.dumps([event])), "test_event_code": (None, "TEST123")}
    assert http.post(EVENTS, files=fields).status_code == 200
    assert [(entry["event"], entry["test_event_code"]) for entry in meta.events()] == [(event, "TEST123")]


def test_the_same_event_is_kept_alike_from_json_and_from_a_form(http, send, meta):
    event = lead(custom_data={"value": 1.5, "note": "Rp — é"})
    send(event)
    http.post(EVENTS, data={"data": json.dumps([event])})
    first, second = meta.events()
    assert first["sha256"] == second["sha256"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"data": 5}', b'{"data": []}', b'{"data": ["x"]}'])
def test_a_body_without_events_is_an_invalid_parameter(http, body):
    answer = http.post(EVENTS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 100
    assert "error_subcode" not in answer.json()["error"]


def test_a_thousand_events_are_taken_and_one_more_is_not(send, meta):
    events = [lead(event_id=str(number)) for number in range(1001)]
    assert send(*events).json()["error"]["code"] == 100
    assert send(*events[:1000]).json()["events_received"] == 1000
    assert meta.counts() == {"events": 1000, "requests": 1, "distinct": 1000}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda token: {"headers": {"authorization": f"Bearer {token}"}}, id="header"),
        pytest.param(lambda token: {"params": {"access_token": token}}, id="address"),
        pytest.param(lambda token: {"body": {"access_token": token}}, id="body"),
    ],
)
@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (TOKEN, (200, None, None)),
        ("short", (401, 190, None)),
        ("invalid-and-long", (401, 190, None)),
        ("expired-and-long", (401, 190, 463)),
    ],
)
def test_a_token_is_judged_wherever_it_is(http, place, token, expected):
    del http.headers["authorization"]
    options = place(token)
    answer = http.post(EVENTS, json={"data": [lead()], **options.pop("body", {})}, **options)
    error = answer.json().get("error", {})
    assert (answer.status_code, error.get("code"), error.get("error_subcode")) == expected
    assert token not in answer.text


def test_nobody_gets_in_without_a_token(http):
    del http.headers["authorization"]
    answer = http.post(EVENTS, json={"data": [lead()]})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 190


@pytest.mark.parametrize(
    ("version", "code"), [("v21.0", None), ("v26.0", None), ("v20.0", 2635), ("v3.0", 2635), ("v26", 2500), ("x", 2500)]
)
def test_a_dead_version_is_refused(send, version, code):
    answer = send(lead(), version=version)
    assert answer.json().get("error", {}).get("code") == code
    assert answer.status_code == (400 if code else 200)


@pytest.mark.parametrize("dataset", ["1234", "my-pixel", "1" * 21])
def test_a_dataset_that_is_no_number_of_5_to_20_digits_does_not_exist(send, dataset):
    error = send(lead(), dataset=dataset).json()["error"]
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")


def test_a_dataset_shows_its_id_and_name(http):
    shown = http.get(f"/v26.0/{DATASET}", params={"fields": "id,name"})
    assert shown.status_code == 200
    assert shown.json()["id"] == DATASET
    assert shown.json()["name"]


def test_looking_at_a_dataset_needs_a_token_and_the_dataset(http):
    assert http.get("/v26.0/1").json()["error"]["error_subcode"] == 33
    del http.headers["authorization"]
    assert http.get(f"/v26.0/{DATASET}").status_code == 401


def post(meta, event, *, dataset="5555555555", token=TOKEN):
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.post(f"{meta.graph_url}/v26.0/{dataset}/events", json={"data": [event]}, headers=headers)


def test_once_a_dataset_is_declared_no_other_exists(own):
    own.declare("5555555555:waba=777")
    assert post(own, lead(), dataset=DATASET).json()["error"]["error_subcode"] == 33
    assert post(own, lead()).status_code == 200


def test_datasets_can_be_declared_and_forgotten_over_http(own):
    url = f"{own.url}/_sandbox/datasets"
    declared = httpx2.post(url, json={"id": "5555555555", "token": "EAA-secret-token", "waba": "777"})
    assert declared.json() == {"datasets": [{"id": "5555555555", "waba": "777", "page": None, "locale": None}]}
    assert post(own, lead()).status_code == 400
    httpx2.delete(url)
    assert post(own, lead()).status_code == 200


@pytest.mark.parametrize(
    ("user", "subcode"),
    [
        ({"whatsapp_business_account_id": "777"}, None),
        ({"whatsapp_business_account_id": "888"}, 2804132),
        ({"whatsapp_business_account_id": None, "page_id": "999"}, None),
        ({"whatsapp_business_account_id": None, "page_id": "111"}, 2804131),
    ],
)
def test_a_declared_dataset_knows_only_what_is_linked_to_it(own, user, subcode):
    own.declare("5555555555:waba=777:page=999")
    assert post(own, whatsapp(user_data=user)).json().get("error", {}).get("error_subcode") == subcode


def test_a_websites_dataset_takes_no_whatsapp_chat(own):
    own.declare("5555555555")
    assert post(own, whatsapp()).json()["error"]["error_subcode"] == 2804132


def test_a_declared_dataset_may_want_a_token_of_its_own(own):
    own.declare("5555555555:EAA-another-token")
    assert post(own, lead()).json()["error"]["error_subcode"] == 33
    assert post(own, lead(), token="EAA-another-token").status_code == 200


def test_a_dataset_may_belong_to_someone_who_reads_indonesian(own):
    own.declare("5555555555:locale=id")
    error = post(own, lead(user_data={})).json()["error"]
    assert error["error_user_title"] == "Informasi Pelanggan Tidak Cukup"


def test_all_answers_can_be_set_to_indonesian(own):
    httpx2.post(f"{own.url}/_sandbox/locale", json={"locale": "id_ID"})
    assert post(own, lead(user_data={})).json()["error"]["error_user_title"].startswith("Informasi")


@pytest.mark.parametrize("specification", ["", "12", "123456:waba", "123456:waba=1:shop=2:x", "123456::"])
def test_a_dataset_that_is_written_wrongly_is_not_declared(meta, specification):
    with pytest.raises(ValueError, match="dataset"):
        meta.declare(specification)


@pytest.mark.parametrize(("proof", "status"), [("0" * 64, 200), ("mine", 400)])
def test_a_proof_of_the_app_secret_has_a_form(send, proof, status):
    assert send(lead(), body={"appsecret_proof": proof}).status_code == status


def test_what_graph_does_not_know_of_is_ignored(send, meta):
    assert send(lead(colour="red"), body={"partner_agent": "konversi_1_0", "upload_tag": "x"}).status_code == 200
    assert meta.events()[0]["event"]["colour"] == "red"


def test_a_field_nobody_has_is_refused(http):
    assert http.get(f"/v26.0/{DATASET}", params={"fields": "id,colour"}).json()["error"]["code"] == 100
    shown = http.get(f"/v26.0/{DATASET}", params={"fields": "is_consolidated_container"}).json()
    assert shown == {"is_consolidated_container": True, "id": DATASET}
