"""What is told of events while it happens: from now on, each thing once, and no more than somebody can read."""

from contextlib import aclosing
from functools import partial

from konversi.insight import tailing
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from outboxes import LATER, LIVE, all_of, ended, new_events


async def look(outbox, mark):
    seen = await outbox.database.read(partial(tailing.look, mark))
    return seen, [(change["what"], change["event_id"]) for change in seen.changes]


def test_an_event_is_told_of_when_accepted_and_when_its_attempt_ended(run, url):
    async def scene():
        async with aclosing(await open_outbox(url)) as outbox:
            await outbox.append(new_events(1))
            mark = await outbox.database.read(tailing.start)
            seen, told = await look(outbox, mark)
            assert told == []
            batch = await outbox.claim(LIVE, LATER, LATER + 60, all_of)
            seen, told = await look(outbox, seen.mark)
            assert told == []
            await outbox.settle(batch, ended(Step.REFUSE, "refused"))
            seen, told = await look(outbox, seen.mark)
            assert told == [("refused", "Lead:0")]
            assert (await look(outbox, seen.mark))[1] == []

    run(scene())


def test_of_too_many_the_newest_are_told_and_the_others_counted(run, url):
    async def scene():
        async with aclosing(await open_outbox(url)) as outbox:
            mark = await outbox.database.read(tailing.start)
            await outbox.append(new_events(500))
            seen, told = await look(outbox, mark)
            assert (len(told), seen.missed) == (200, 300)
            assert told[-1] == ("accepted", "Lead:499")

    run(scene())
