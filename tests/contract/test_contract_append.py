"""Accepting: what a store says of each event that it is given."""

import asyncio

from konversi.outbox.port import Appended, Search
from konversi.outbox.states import State
from outboxes import LIVE, claim_all, ended, new_event, new_events, store


async def test_events_get_ascending_ids_in_their_order(harness):
    async with harness.open() as outbox:
        verdicts = await outbox.append(new_events(300))
        ids = [verdict.id for verdict in verdicts]
        assert ids == sorted(set(ids))
        assert not any(verdict.repeat or verdict.conflict for verdict in verdicts)
        assert [(await outbox.find(id_)).event_id for id_ in ids[::50]] == [f"Lead:{n}" for n in range(0, 300, 50)]


async def test_what_was_stored_is_found_again_unchanged(harness):
    given = new_event("Lead:ü-1", body='{"note":"Bali ✓"}'.encode(), booking_id="BK-1")._replace(
        notes='[["a","b","c"]]', given='{"value":1,"currency":"IDR"}'
    )
    async with harness.open() as outbox:
        (id_,) = await store(outbox, given)
        stored = await outbox.find(id_)
        for name in (
            "lane",
            "dataset",
            "event_name",
            "event_id",
            "booking_id",
            "event_time",
            "deadline",
            "digest",
            "body",
            "notes",
            "given",
        ):
            assert getattr(stored, name) == getattr(given, name), name
        assert (stored.id, stored.state, stored.tries, stored.in_doubt) == (id_, State.WAITING, 0, 0)
        assert (stored.reason, tuple(stored.attempts)) == ("", ())
        assert stored.due_at == stored.accepted_at


async def test_the_same_event_again_gets_the_first_id(harness):
    async with harness.open() as outbox:
        (first,) = await store(outbox, new_event())
        assert list(await outbox.append([new_event()])) == [Appended(first, repeat=True)]
        assert (await outbox.counts()).states[State.WAITING] == 1


async def test_the_same_id_with_other_contents_is_a_conflict_and_stores_nothing(harness):
    async with harness.open() as outbox:
        (first,) = await store(outbox, new_event(body=b'{"value":1}'))
        (verdict,) = await outbox.append([new_event(digest=b"x" * 16, body=b'{"value":2}')])
        assert verdict.conflict
        assert verdict.id == first
        assert (await outbox.find(first)).body == b'{"value":1}'
        assert (await outbox.counts()).totals["accept"] == 1


async def test_an_event_that_was_delivered_is_still_known(harness):
    async with harness.open() as outbox:
        (first,) = await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended())
        assert list(await outbox.append([new_event()])) == [Appended(first, repeat=True)]
        assert (await outbox.find(first)).state is State.DELIVERED


async def test_the_key_is_dataset_name_and_id_together(harness):
    async with harness.open() as outbox:
        ids = await store(
            outbox,
            new_event("1"),
            new_event("2"),
            new_event("1", name="Purchase"),
            new_event("1")._replace(dataset="other"),
        )
        assert len(set(ids)) == 4


async def test_repeats_and_conflicts_inside_one_group_are_told_apart(harness):
    async with harness.open() as outbox:
        events = [new_event("a"), new_event("b"), new_event("a"), new_event("b", digest=b"x" * 16), new_event("c")]
        verdicts = await outbox.append(events)
        assert [verdict.repeat for verdict in verdicts] == [False, False, True, True, False]
        assert [verdict.conflict for verdict in verdicts] == [False, False, False, True, False]
        assert verdicts[2].id == verdicts[0].id
        assert verdicts[3].id == verdicts[1].id
        assert (await outbox.counts()).states[State.WAITING] == 3
        assert len(await outbox.search(Search())) == 3
        assert len((await claim_all(outbox)).ids) == 3


async def test_nothing_appended_is_fine(harness):
    async with harness.open() as outbox:
        assert list(await outbox.append([])) == []


async def test_many_callers_at_once_each_get_their_own_verdicts(harness):
    async with harness.open() as outbox:
        groups = [
            [new_event(f"{caller}-{n}") for n in range(caller % 4)] + [new_event("shared")] for caller in range(200)
        ]
        answers = await asyncio.gather(*(outbox.append(group) for group in groups))
        for group, verdicts in zip(groups, answers, strict=True):
            assert len(verdicts) == len(group)
            for event, verdict in zip(group, verdicts, strict=True):
                assert (await outbox.find(verdict.id)).event_id == event.event_id
        shared = [verdicts[-1] for verdicts in answers]
        assert len({verdict.id for verdict in shared}) == 1
        assert sum(not verdict.repeat for verdict in shared) == 1


async def test_a_caller_that_gives_up_takes_nobody_with_it(harness):
    async with harness.open() as outbox:
        quitter = asyncio.ensure_future(outbox.append([new_event("quitter")]))
        patient = asyncio.ensure_future(outbox.append([new_event("patient")]))
        await asyncio.sleep(0)
        quitter.cancel()
        (verdict,) = await patient
        assert (await outbox.find(verdict.id)).event_id == "patient"


async def test_accepted_events_survive_closing(durable):
    async with durable.open() as outbox:
        ids = await store(outbox, *new_events(3))
    async with durable.open() as outbox:
        assert [(await outbox.find(id_)).lane for id_ in ids] == [LIVE] * 3
        assert (await outbox.counts()).states[State.WAITING] == 3
