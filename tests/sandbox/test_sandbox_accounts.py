"""The dataset of a WhatsApp Business Account, a Page, an Instagram account: made once, and linked to it."""

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN, lead, whatsapp

from konversi.sandbox import Sandbox, datasets

WABA = "102290129340398"
PAGE = "1906385232743451"
INSTAGRAM = "17841400000000000"
OTHER_TOKEN = "EAA-another-good-token"


def graph(meta, method, path, *, token=TOKEN, headers=(), **options):
    headers = {"authorization": f"Bearer {token}", **dict(headers)}
    return httpx2.request(method, f"{meta.url}/v26.0/{path}", headers=headers, timeout=10, **options)


def make(meta, account, **options):
    return graph(meta, "POST", f"{account}/dataset", **options)


def verdict(meta, dataset, event):
    return graph(meta, "POST", f"{dataset}/events", json={"data": [event]}).json().get("error", {}).get("error_subcode")


def unknown(answer):
    error = answer.json()["error"]
    return answer.status_code == 400 and (error["code"], error["error_subcode"]) == (100, 33)


@pytest.fixture(params=["nothing declared", "declared"])
def anyhow(own, request):
    """A local Meta where the three accounts exist, without a dataset."""
    if request.param == "declared":
        for declared in (f"waba={WABA}", f"page={PAGE}", f"instagram={INSTAGRAM}"):
            own.declare(declared)
    return own


@pytest.mark.parametrize("account", [WABA, PAGE, INSTAGRAM])
def test_an_account_gets_one_dataset_and_keeps_it(anyhow, account):
    assert graph(anyhow, "GET", f"{account}/dataset").json() == {"data": []}
    first = make(anyhow, account)
    assert first.status_code == 200
    assert make(anyhow, account).json() == first.json()
    assert graph(anyhow, "GET", f"{account}/dataset").json() == {"data": [first.json()]}
    assert anyhow.dataset_of(account) == first.json()["id"]


def test_each_account_has_a_dataset_of_its_own(anyhow):
    assert len({make(anyhow, account).json()["id"] for account in (WABA, PAGE, INSTAGRAM)}) == 3


def test_an_account_has_the_same_dataset_in_every_sandbox(own):
    with Sandbox() as another:
        assert make(own, WABA).json() == make(another, WABA).json()


def test_a_dataset_that_was_made_can_be_looked_at(anyhow):
    made = make(anyhow, WABA, json={"dataset_name": "Studio Repaint"}).json()["id"]
    shown = graph(anyhow, "GET", made, params={"fields": "id,name"})
    assert shown.json() == {"id": made, "name": "Studio Repaint"}


def test_a_name_given_later_does_not_rename(own):
    made = make(own, WABA, json={"dataset_name": "First"}).json()["id"]
    assert make(own, WABA, json={"dataset_name": "Second"}).json()["id"] == made
    assert graph(own, "GET", made).json()["name"] == "First"


@pytest.mark.parametrize("name", ["", "  ", 7, ["x"], {"a": 1}, "x" * 201])
def test_a_name_that_is_none_is_refused(own, name):
    answer = make(own, WABA, json={"dataset_name": name})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert answer.headers["x-sandbox-field"] == "dataset_name"
    assert own.dataset_of(WABA) is None


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_cannot_be_read_makes_nothing(own, body):
    answer = make(own, WABA, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert own.dataset_of(WABA) is None


@pytest.mark.parametrize(
    ("user", "subcode"),
    [
        ({"whatsapp_business_account_id": WABA}, None),
        ({"whatsapp_business_account_id": "888888"}, 2804132),
        ({"whatsapp_business_account_id": None, "page_id": PAGE}, 2804131),
        ({"whatsapp_business_account_id": None}, 2804116),
    ],
)
def test_an_accounts_dataset_knows_its_account_and_no_other(anyhow, user, subcode):
    made = make(anyhow, WABA).json()["id"]
    assert verdict(anyhow, made, whatsapp(user_data=user)) == subcode


def test_other_datasets_stay_as_they_were(own):
    make(own, WABA)
    assert verdict(own, DATASET, whatsapp(user_data={"whatsapp_business_account_id": "888888"})) is None


def test_an_account_is_not_a_dataset(own):
    make(own, WABA)
    assert unknown(graph(own, "POST", f"{WABA}/events", json={"data": [lead()]}))


def test_a_dataset_is_not_an_account(own):
    made = make(own, WABA).json()["id"]
    assert unknown(make(own, made))
    own.declare(DATASET)
    assert unknown(make(own, DATASET))


def test_a_declared_dataset_is_the_one_of_the_accounts_that_it_names(own):
    own.declare(f"{DATASET}:waba={WABA}:page={PAGE}:instagram={INSTAGRAM}")
    assert [make(own, account).json() for account in (WABA, PAGE, INSTAGRAM)] == [{"id": DATASET}] * 3
    assert graph(own, "GET", f"{PAGE}/dataset").json() == {"data": [{"id": DATASET}]}


def test_once_something_is_declared_no_other_account_exists(own):
    own.declare(f"{DATASET}:waba={WABA}")
    assert unknown(make(own, "777777"))
    assert unknown(graph(own, "GET", "777777/dataset"))


def test_a_dataset_made_before_anything_was_declared_goes_on(own):
    made = make(own, WABA).json()
    own.declare(DATASET)
    assert make(own, WABA).json() == made
    assert verdict(own, made["id"], whatsapp()) is None


def test_an_accounts_token_opens_it_and_its_dataset_alone(own):
    own.declare(f"waba={WABA}:{OTHER_TOKEN}")
    assert unknown(make(own, WABA))
    made = make(own, WABA, token=OTHER_TOKEN).json()["id"]
    assert unknown(graph(own, "GET", made))
    assert graph(own, "GET", made, token=OTHER_TOKEN).json()["id"] == made


def test_a_datasets_token_opens_its_account(own):
    own.declare(f"{DATASET}:{OTHER_TOKEN}:waba={WABA}")
    assert unknown(make(own, WABA))
    assert make(own, WABA, token=OTHER_TOKEN).json() == {"id": DATASET}


@pytest.mark.parametrize(("token", "subcode"), [("invalid-and-long", None), ("expired-and-long", 463)])
def test_an_account_needs_a_good_token(own, token, subcode):
    for answer in (make(own, WABA, token=token), graph(own, "GET", f"{WABA}/dataset", token=token)):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error.get("error_subcode")) == (401, 190, subcode)


@pytest.mark.parametrize(
    ("options", "code", "says"), [({}, 200, "whatsapp_business_manage_events"), ({"code": 10}, 10, "permission")]
)
def test_the_permission_for_an_accounts_dataset_can_be_missing(own, options, code, says):
    own.fault("permission", edge="dataset", **options)
    for answer in (make(own, WABA), graph(own, "GET", f"{WABA}/dataset")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
        assert says in answer.json()["error"]["message"]
    assert own.dataset_of(WABA) is None
    assert verdict(own, DATASET, lead()) is None


def test_a_fault_after_the_making_leaves_the_dataset(own):
    own.fault("drip", requests=1, seconds=0, edge="dataset")
    made = make(own, WABA).json()["id"]
    assert own.dataset_of(WABA) == made


@pytest.mark.parametrize("account", ["1234", "act_1234567", "1" * 21, "٣٤٥٦٧٨"])
def test_an_account_that_is_no_number_of_5_to_20_digits_does_not_exist(own, account):
    assert unknown(make(own, account))
    assert unknown(graph(own, "GET", f"{account}/dataset"))


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nothing_else_can_be_done_with_an_accounts_dataset(own, method):
    assert unknown(graph(own, method, f"{WABA}/dataset"))


def test_accounts_can_be_declared_and_listed_over_http(own):
    url = f"{own.url}/_sandbox/accounts"
    declared = httpx2.post(url, json={"id": WABA, "kind": "waba", "token": OTHER_TOKEN})
    assert declared.json() == {"accounts": [{"id": WABA, "dataset": None}]}
    made = make(own, WABA, token=OTHER_TOKEN).json()["id"]
    assert httpx2.get(url).json() == {"accounts": [{"id": WABA, "dataset": made}]}
    listed = httpx2.get(f"{own.url}/_sandbox/datasets").json()["datasets"]
    assert [(each["id"], each["waba"], each["page"]) for each in listed] == [(made, WABA, None)]
    httpx2.delete(f"{own.url}/_sandbox/datasets")
    assert httpx2.get(url).json() == {"accounts": []}


@pytest.mark.parametrize("body", ["{", "{}", '{"id": "12", "kind": "waba"}', '{"id": "123456", "kind": "shop"}'])
def test_an_account_that_is_declared_wrongly_is_refused(own, body):
    assert httpx2.post(f"{own.url}/_sandbox/accounts", content=body).status_code == 422


@pytest.mark.parametrize("text", ["waba=", "waba=12", "page=123456:", "waba=123456:a:b", "shop=123456"])
def test_an_account_that_is_written_wrongly_is_not_declared(meta, text):
    with pytest.raises(ValueError, match=r"dataset|account"):
        meta.declare(text)


def test_no_more_datasets_are_made_than_a_machine_can_hold(own, monkeypatch):
    monkeypatch.setattr(datasets, "_MOST_MADE", 2)
    accounts = ("100001", "100002", "100003", "100001")
    assert [make(own, account).status_code for account in accounts] == [200, 200, 400, 200]


def test_an_instagram_event_needs_the_account_of_its_dataset(own):
    made = make(own, INSTAGRAM).json()["id"]

    def post(account):
        user = {"whatsapp_business_account_id": None, "ctwa_clid": None, "ig_account_id": account, "ig_sid": "55"}
        event = whatsapp(messaging_channel="instagram", user_data=user)
        return graph(own, "POST", f"{made}/events", json={"data": [event]})

    assert post(INSTAGRAM).status_code == 200
    assert post("17841499999999999").json()["error"]["code"] == 100
