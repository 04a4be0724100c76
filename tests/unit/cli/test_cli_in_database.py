"""What commands see where no gateway runs, also of one that was killed."""

from konversi.cli.database_checks import findings_of
from konversi.cli.in_database import InDatabase
from konversi.outbox.store import open_outbox
from konversi.settings import Settings
from outboxes import left_by_a_kill, new_event, staged_in


async def killed(tmp_path):
    """The database of a gateway that was killed right after it accepted an event; the gateway goes on beside it."""
    outbox = await open_outbox(f"sqlite:///{tmp_path / 'one.db'}")
    await outbox.append([new_event()])
    left = left_by_a_kill(tmp_path / "one.db", tmp_path / "left.db")
    await outbox.aclose()
    assert staged_in(left) == 1
    return f"sqlite:///{left}"


async def test_an_event_that_was_accepted_alone_is_seen(tmp_path):
    reached = InDatabase(Settings(database_url=await killed(tmp_path)))
    assert reached.status()["states"]["waiting"] == 1
    assert [event["event_id"] for event in reached.events({})["events"]] == ["Lead:1"]


async def test_while_a_gateway_that_does_not_answer_has_the_database_what_is_staged_is_left_to_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("konversi.database.sqlite_writer._LEFT_SECONDS", 60.0)
    url = await killed(tmp_path)
    owner = await open_outbox(url)
    await owner.append([new_event("Lead:2")])
    reached = InDatabase(Settings(database_url=url))
    assert [event["event_id"] for event in reached.events({})["events"]] == ["Lead:1"]
    await owner.aclose()
    assert len(reached.events({})["events"]) == 2


async def test_a_check_tells_what_is_staged(tmp_path):
    found = [finding.found for finding in findings_of(Settings(database_url=await killed(tmp_path)))]
    assert "events: 0" in found
    assert "staged events: 1" in found
