"""What is read as a rule, and what is refused, with its place."""

from decimal import Decimal

import pytest

from konversi.value.rules import NO_RULES, ValueRulesInvalid, read


def refused(text):
    with pytest.raises(ValueRulesInvalid) as caught:
        read(text)
    return caught.value.detail


def rule(line):
    return f'[[rules]]\nname = "R"\n{line}\n'


def test_nothing_written_says_nothing():
    assert read("") == NO_RULES
    assert read("# only a comment\n") == NO_RULES


def test_amounts_are_read_as_they_are_written():
    rules = read('[rates]\nusd = 16250.10\n[[rules]]\nname = "R"\nfixed = 0.30\n')
    assert rules.rates == {"USD": Decimal("16250.10")}
    assert rules.rules[0].fixed == Decimal("0.30")


def test_an_event_may_be_called_as_meta_or_as_the_guide_calls_it():
    rules = read(
        '[stages.leadsubmitted]\nfixed = 1\n[[rules]]\nname = "R"\nevent = ["booking", "payment"]\nfixed = 1\n'
    )
    assert list(rules.stages) == ["LeadSubmitted"]
    assert rules.rules[0].event == ("LeadSubmitted", "Purchase")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a =", "no TOML"),
        (rule("fixed = -1"), "rules.1.fixed"),
        (rule('fixed = "much"'), "rules.1.fixed"),
        (rule("fixed = nan"), "rules.1.fixed"),
        (rule("fixed = inf"), "rules.1.fixed"),
        (rule("share = 101"), "rules.1.share"),
        (rule("show_up = 1.01"), "rules.1.show_up"),
        (rule("margin = 35"), "rules.1.margin"),
        (rule("fixed = 1\nshare = 1"), "both"),
        (rule(""), "says nothing"),
        (rule("prize = 1"), "rules.1.prize"),
        (rule('event = "Purchase"\nshow_up = 0.5'), "paid already"),
        ("[stages.Purchase]\nshow_up = 0.5", "paid already"),
        ("[stages.Lead]", "says nothing"),
        ('[[rules]]\nname = ""\nfixed = 1', "rules.1.name"),
        ('[[rules]]\nname = "(all)"\nfixed = 1', "rules.1.name"),
        (rule("fixed = 1") * 2, "two rules are called R"),
        (rule('service = ""\nfixed = 1'), "rules.1.service"),
        ("[rates]\nABC = 1", "rates.ABC"),
        ("[rates]\nUSD = 0", "rates.USD"),
        ('currency = "rupiah"', "currency"),
        ("[predicted_ltv]\nvisits = 0", "predicted_ltv.visits"),
        ('[learned]\nuse = ["magic"]', "learned.use.1"),
        ("x" * 200_001, "200000"),
        ("\n".join(f'[[rules]]\nname = "{number}"\nfixed = 1' for number in range(501)), "rules"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_its_place(text, said):
    assert said in refused(text)


def test_every_fault_is_named_at_once():
    said = refused(rule("share = -1") + '[[rules]]\nname = "S"\nmargin = 2\n')
    assert "rules.1.share" in said
    assert "rules.2.margin" in said
