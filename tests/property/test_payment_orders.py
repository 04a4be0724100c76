"""Whatever order a provider's notifications come in, and however often: the same end, and at most one Purchase."""

import sys
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

sys.path.append(str(Path(__file__).parents[1] / "unit" / "payments"))

from payment_notices import history, notice, refund

from konversi.payments.stages import Stage

# What may follow what: Midtrans's own table of a transaction's states, Xendit's and Stripe's are parts of it.
FOLLOWS = {
    None: [Stage.PENDING, Stage.FAILED, Stage.CAPTURED, Stage.SETTLED],
    Stage.PENDING: [Stage.FAILED, Stage.CAPTURED, Stage.SETTLED, Stage.CANCELLED, Stage.DENIED],
    Stage.FAILED: [Stage.SETTLED, Stage.CANCELLED],
    Stage.CAPTURED: [Stage.SETTLED, Stage.CANCELLED],
    Stage.SETTLED: [Stage.DENIED],
    Stage.CANCELLED: [],
    Stage.DENIED: [],
}


@st.composite
def histories(draw):
    """What happens to one payment, in the order in which it happens."""
    told, stage = [], None
    while FOLLOWS[stage] and (stage is None or draw(st.booleans())):
        stage = draw(st.sampled_from(FOLLOWS[stage]))
        told.append(notice(stage, amount=draw(st.sampled_from(["150000", "50000.50"])), at=1_795_000_000 + len(told)))
    if stage is Stage.SETTLED:
        gone = Decimal(0)
        for _ in range(draw(st.integers(0, 3))):
            gone += draw(st.integers(1, 60_000))
            told.append(refund(str(gone)))
        ranks = sorted(draw(st.sets(st.integers(1, 3))))
        told += [refund("0" if rank == 3 else "9000", key="dp", rank=rank, kind="chargeback") for rank in ranks]
    return told


@st.composite
def shuffled(draw):
    """A history, and the same with each notification at least once, in any order."""
    told = draw(histories())
    repeated = [*told, *draw(st.lists(st.sampled_from(told), max_size=6))]
    return told, draw(st.permutations(repeated))


def end(payments):
    (payment,) = payments.values()
    return replace(payment, id=None, seen_at=0, changed_at=0, due_at=None, why="", purchase=None, purchase_value=None,
        purchase_currency=None, purchase_at=None, flag="", gone=Decimal(0),
    )  # fmt: skip


@given(shuffled(), st.sampled_from(["each", "first", "full"]))
def test_any_order_and_any_repetition_end_alike_with_at_most_one_purchase(both, policy):
    as_it_was, as_it_came = both
    first, _ = history(as_it_was, policy=policy)
    second, decided = history(as_it_came, policy=policy)
    assert end(first) == end(second)
    assert len(decided) <= 1
    (payment,) = second.values()
    if policy != "full" and payment.stage.paid and payment.kept > 0:
        assert len(decided) == 1, "what was paid and is kept is reported"
    if payment.purchase is not None:
        assert payment.gone == min(payment.amount - payment.kept, payment.purchase_value), "so are our own figures"


@given(shuffled())
def test_a_history_told_twice_is_the_same_as_once(both):
    told, _ = both
    assert end(history(told)[0]) == end(history([*told, *told])[0])
