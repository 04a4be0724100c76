"""What is kept about a person is handed out to who asks for it, in plain words."""

import json

from api_harness import EVENTS, is_problem, lead
from test_api_erasure import ERASURES, Person, at_once, http, server  # noqa: F401

EXPORTS = "/v1/exports"


def test_everything_that_is_kept_is_there_and_nothing_of_others(server, http):  # noqa: F811
    person, other = Person(), Person()
    receipt = person.lives(server, http)
    other.lives(server, http)
    found = http.post(EXPORTS, json={"phone": person.phone, "email": person.email}).json()
    assert all(isinstance(part, str) or part["what_this_is"] for part in found.values())
    receipts = [one["receipt"] for one in found["events"]["kept"]]
    assert receipt in receipts
    assert len(receipts) == 4
    assert found["events"]["kept"][0]["sent_to_meta"]["user_data"]["ph"]
    (chat,) = found["conversations"]["kept"]
    assert {"click", "tool", "event"} & {entry["kind"] for entry in chat["timeline"]}
    (paid,) = found["payments"]["kept"]
    assert paid["booking_id"] == person.booking
    assert [one["state"] for one in found["consent"]["kept"]] == ["granted"]
    assert [one["verdict"] for one in found["files"]["kept"]] == ["accepted"]
    assert (found["calls"]["kept"], found["forgotten"]["kept"]) == (1, False)
    assert len(found["meta_has"]["kept"]) == 4
    assert other.booking not in json.dumps(found)


def test_of_somebody_unknown_there_is_nothing_and_of_a_forgotten_one_only_that(server, http):  # noqa: F811
    person = Person()
    empty = http.post(EXPORTS, json={"phone": person.phone}).json()
    kept = {name: part["kept"] for name, part in empty.items() if isinstance(part, dict)}
    assert not any(kept.values())
    http.post(EVENTS, json=lead(customer={"phone": person.phone}))
    http.post(ERASURES, json={"phone": person.phone})
    gone = http.post(EXPORTS, json={"phone": person.phone}).json()
    assert (gone["forgotten"]["kept"], gone["events"]["kept"]) == (True, [])
    (change, *_) = [one for one in http.get("/v1/audit").json()["changes"] if one["action"] == "exported"]
    assert person.digits not in json.dumps(change)
    is_problem(http.post(EXPORTS, json={}), status=422)
