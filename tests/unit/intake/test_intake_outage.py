from __future__ import annotations

from konversi.intake.outage import Outage


def failing(*calls, at=0.0):
    outage = Outage()
    for call in calls:
        outage.failed(call, at, its_own_fault=False)
    return outage


def test_one_call_that_always_fails_is_no_outage():
    assert not failing(1, 1, 1, 1, 2).down


def test_three_different_calls_in_a_row_are_one_until_a_call_is_taken():
    outage = failing(1, 2, 3)
    assert outage.down
    outage.taken(1.0)
    assert not outage.down
    outage.failed(4, 2.0, its_own_fault=False)
    assert not outage.down


def test_calls_that_are_themselves_the_reason_are_none():
    outage = Outage()
    for call in range(10):
        outage.failed(call, 0.0, its_own_fault=True)
    assert not outage.down


def test_probes_come_ever_more_rarely_up_to_half_a_minute():
    outage, now, pauses = failing(1, 2, 3), 0.0, []
    for call in range(4, 10):
        pauses.append(outage.next_probe - now)
        now = outage.next_probe
        outage.failed(call, now, its_own_fault=call % 2 == 0)
    assert pauses == [1.0, 2.0, 5.0, 10.0, 30.0, 30.0]


def test_calls_that_were_under_way_when_it_began_do_not_put_off_the_first_probe():
    outage = failing(1, 2, 3)
    for call in range(4, 17):
        outage.failed(call, 0.5, its_own_fault=False)
    assert outage.next_probe == 1.0


def test_the_first_failure_is_told_from_those_that_follow():
    outage = Outage()
    assert [outage.failed(1, float(n), its_own_fault=True) for n in range(3)] == [True, False, False]
    outage.taken(4.0)
    assert outage.failed(1, 5.0, its_own_fault=True)


def test_only_after_a_long_time_without_a_call_taken_must_others_be_hurried():
    assert not Outage().taken(1_000.0)
    assert not failing(1, at=0.0).taken(29.9)
    outage = failing(1, at=0.0)
    assert outage.taken(30.0)
    assert not outage.taken(100.0)
