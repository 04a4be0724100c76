"""Several datasets: each with its own token, its own choice after doubt, and its own pauses."""

import asyncio

import pytest
from delivering import Delivery, sent

from konversi.datasets.registry import Dataset, Registry
from konversi.delivery import breaker as breakers
from konversi.delivery.breaker import CLOSED, Position
from konversi.delivery.destination import Destination, Destinations
from konversi.meta.answers import Kind
from konversi.meta.graph import Credentials
from konversi.outbox.states import State
from outboxes import new_event, until

OWN = Credentials("1000000001", "EAAsettings")
SPA = "1000000003"


def dataset(id_=SPA, token="EAAadded", on_in_doubt=None, fault=None):
    return Dataset(id_, "", token, None, on_in_doubt, 0.0, None, fault)


def destinations(*added, default=OWN, default_id=OWN.pixel_id):
    registry = Registry(default_id, {one.id: one for one in added})
    return Destinations(lambda: registry, default=default, on_in_doubt="resend")


@pytest.mark.parametrize(
    ("found", "name", "token"),
    [
        (destinations(), "default", "EAAsettings"),
        (destinations(), SPA, None),
        (destinations(dataset()), SPA, "EAAadded"),
        (destinations(dataset(token=None)), SPA, None),
        (destinations(dataset(OWN.pixel_id)), "default", "EAAadded"),
        (destinations(dataset(OWN.pixel_id, token=None)), "default", "EAAsettings"),
        (destinations(dataset(), default=None, default_id=None), "default", None),
        (destinations(dataset(), default=None, default_id=None), SPA, "EAAadded"),
    ],
)
def test_a_token_that_was_added_goes_before_that_of_the_settings(found, name, token):
    reached = found.of(name)
    assert (reached.to.token if reached else None) == token


def test_each_dataset_has_its_own_choice_after_doubt_and_else_the_settings():
    found = destinations(dataset(on_in_doubt="hold"))
    assert found.on_in_doubt(SPA) == found.of(SPA).on_in_doubt == "hold"
    assert found.on_in_doubt("default") == found.of("default").on_in_doubt == "resend"


def test_events_can_be_sent_as_soon_as_one_dataset_has_a_token():
    assert destinations().any()
    assert destinations(dataset(), default=None, default_id=None).any()
    assert not destinations(default=None, default_id=None).any()
    assert not destinations(dataset(token=None), default=None, default_id=None).any()


def test_what_is_lacking_is_said_with_its_remedy():
    assert "Missing Meta credentials" in destinations(default=None).lack("default")
    assert f"konversi datasets add {SPA}" in destinations().lack(SPA)
    assert destinations(dataset(token=None, fault="Restore the secret.")).lack(SPA) == "Restore the secret."


def test_only_a_paused_lane_is_mended_by_a_person():
    paused = breakers.paused(CLOSED, 100.0, "Invalid access token.")
    mended = breakers.mended(paused, 101.0)
    assert mended.position(101.0) is Position.HALF_OPEN
    assert not mended.paused
    assert breakers.mended(CLOSED, 101.0) == CLOSED
    resting = breakers.resting(CLOSED, 100.0, 60.0, "Slow down.")
    assert breakers.mended(resting, 101.0) == resting


class Tokens(Delivery):
    """A delivery whose only token can be changed."""

    def __init__(self):
        super().__init__(credentials=lambda _dataset: self.to)
        self.to = Credentials(SPA, "EAAold")
        self.meta.answer = lambda ids: sent(events_received=len(ids))
        send, self.tokens = self.meta.send, []

        async def noting(to, data, **given):
            self.tokens.append(to.token)
            return await send(to, data, **given)

        self.meta.send = noting

    def change(self, token):
        self.to = token and Credentials(SPA, token)
        self.dispatcher.look_again("default")


async def test_a_new_token_wakes_a_paused_lane_at_once():
    async with Tokens().at_work() as delivery:
        delivery.meta.answer = lambda ids: sent(Kind.PAUSED)
        await delivery.accept(new_event())
        await until(lambda: any(one.breaker.paused for one in delivery.dispatcher.couriers.values()))
        await delivery.settled(State.WAITING, 1)
        delivery.meta.answer = lambda ids: sent(events_received=len(ids))
        delivery.change("EAAnew")
        await delivery.settled(State.DELIVERED, 1)
        assert delivery.tokens == ["EAAold", "EAAnew"]


async def test_a_refusal_of_the_old_token_does_not_pause_the_new_one():
    async with Tokens().at_work() as delivery:
        answers = iter([sent(Kind.PAUSED)])
        delivery.meta.answer = lambda ids: next(answers, sent(events_received=len(ids)))
        delivery.meta.gate.clear()
        await delivery.accept(new_event())
        await until(lambda: delivery.tokens)
        delivery.change("EAAnew")
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 1)
        assert delivery.tokens == ["EAAold", "EAAnew"]


async def test_another_datasets_new_token_wakes_nothing():
    async with Tokens().at_work() as delivery:
        delivery.meta.answer = lambda ids: sent(Kind.PAUSED)
        await delivery.accept(new_event())
        await until(lambda: any(one.breaker.paused for one in delivery.dispatcher.couriers.values()))
        delivery.dispatcher.look_again(SPA)
        (courier,) = delivery.dispatcher.couriers.values()
        assert courier.breaker.paused


async def test_a_lane_without_a_token_starts_when_it_gets_one():
    delivery = Tokens()
    delivery.to = None
    async with delivery.at_work():
        await delivery.accept(new_event())
        await asyncio.sleep(0.02)
        assert delivery.tokens == []
        delivery.change("EAAnew")
        await delivery.settled(State.DELIVERED, 1)


async def test_a_lane_that_lost_its_token_keeps_its_events():
    async with Tokens().at_work() as delivery:
        await delivery.accept(new_event("first"))
        await delivery.settled(State.DELIVERED, 1)
        delivery.change(None)
        await delivery.accept(new_event("second"))
        await asyncio.sleep(0.02)
        assert (await delivery.counts())[State.WAITING] == 1
        delivery.change("EAAnew")
        await delivery.settled(State.DELIVERED, 2)


@pytest.mark.parametrize(("on_in_doubt", "state"), [("hold", State.HELD), ("resend", State.WAITING)])
async def test_a_send_without_an_answer_is_held_where_the_dataset_says_so(on_in_doubt, state):
    delivery = Delivery(on_in_doubt="resend")
    delivery.on_in_doubt = on_in_doubt
    delivery.meta.answer = lambda ids: sent(Kind.IN_DOUBT)
    async with delivery.at_work():
        await delivery.accept(new_event())
        await until(lambda: delivery.meta.requests)
        await delivery.settled(state, 1)


def test_a_destination_prints_no_token():
    assert "EAA" not in repr(Destination(OWN, "hold"))
