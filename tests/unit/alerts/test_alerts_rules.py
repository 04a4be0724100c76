"""What is worth waking somebody."""

import pytest

from konversi.alerts.rules import DatasetFacts, Severity, findings
from konversi.alerts.webhook import forbidden, signature

DAY = 86_400.0


def rules_of(**facts):
    return {one.rule: one for one in findings([DatasetFacts("default", **facts)])}


def test_a_dataset_that_is_well_is_no_news():
    assert rules_of(waiting_seconds=4.0, spent=0.001, left_seconds=6 * DAY) == {}


@pytest.mark.parametrize(("spent", "stage"), [(0.49, None), (0.5, 1), (0.69, 1), (0.7, 2), (0.9, 3), (1.0, 3)])
def test_failing_delivery_is_told_at_half_at_seven_and_at_nine_tenths_of_the_time(spent, stage):
    found = rules_of(waiting_seconds=DAY, spent=spent).get("delivery_failing")
    assert (found.stage if found else None) == stage
    assert found is None or (found.severity is Severity.CRITICAL) == (stage == 3)


def test_an_event_that_came_with_little_time_left_is_no_trouble_yet():
    assert rules_of(waiting_seconds=20.0, spent=0.95, left_seconds=1.0) == {}


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"fault": "Invalid access token."}, "token_fault"),
        ({"paused": "Invalid access token."}, "dataset_paused"),
        ({"token_left_seconds": 10 * DAY}, "token_expiring"),
        ({"waiting_seconds": DAY, "left_seconds": 6 * 3_600.0}, "deadline_near"),
        ({"open": "Meta did not answer.", "waiting_seconds": 900.0}, "delivery_stuck"),
        ({"expired": 1}, "events_expired"),
        ({"held": 2}, "events_held"),
        ({"dead": 3}, "events_refused"),
    ],
)
def test_each_trouble_has_its_rule_and_says_what_to_do(facts, rule):
    found = rules_of(**facts)
    assert list(found) == [rule]
    assert found[rule].what
    assert found[rule].remedy.endswith(".")


def test_a_breaker_that_opened_a_moment_ago_is_no_news():
    assert rules_of(open="Meta did not answer.", waiting_seconds=60.0) == {}


def test_the_signature_is_that_of_standard_webhooks():
    """The example of the specification's own libraries."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    told = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("address", "secure", "private", "local", "fine"),
    [
        ("93.184.215.14", True, False, False, True),
        ("93.184.215.14", False, False, True, False),
        ("127.0.0.1", False, False, True, True),
        ("127.0.0.1", True, False, False, False),
        ("10.0.0.8", True, False, True, False),
        ("10.0.0.8", True, True, False, True),
        ("169.254.169.254", True, True, True, False),
        ("::ffff:10.0.0.8", True, False, False, False),
        ("::ffff:169.254.169.254", True, True, False, False),
        ("64:ff9b::a00:8", True, False, False, False),
        ("0.0.0.0", True, True, True, False),
        ("fe80::1%eth0", True, True, False, False),
        ("fd00::1", True, False, False, False),
        ("2606:4700::1", True, False, False, True),
    ],
)
def test_only_hosts_that_may_be_called_are(address, secure, private, local, fine):
    assert (forbidden(address, secure=secure, private=private, local=local) is None) == fine


@pytest.mark.parametrize(
    ("days", "stage", "severity", "words"),
    [
        (14.0, 1, Severity.WARNING, "in 14 days"),
        (3.1, 1, Severity.WARNING, "in 4 days"),
        (3.0, 2, Severity.ERROR, "in 3 days"),
        (0.2, 2, Severity.ERROR, "in 1 day."),
        (-1.0, 2, Severity.ERROR, "has expired"),
    ],
)
def test_a_token_that_expires_is_told_of_two_weeks_and_again_three_days_before(days, stage, severity, words):
    (found,) = rules_of(token_left_seconds=days * DAY).values()
    assert (found.stage, found.severity) == (stage, severity)
    assert words in found.what


def test_a_token_that_lasts_longer_is_no_news():
    assert rules_of(token_left_seconds=14.01 * DAY) == {}
