import pytest

from konversi.detection.call_ids import digest, unique

LONG = "call_7nVtQxqkZ0bR3mYwP5sLd2Fh"


@pytest.mark.parametrize("call_id", [None, "", "0", "call_1", "call_0123456789"])
def test_an_id_of_a_bots_own_counting_stands_for_nothing_alone(call_id):
    assert unique(call_id) is None


def test_the_long_ids_of_the_providers_are_taken_as_they_are():
    assert unique(LONG) == LONG


@pytest.mark.parametrize("call_id", ["x" * 141, f"{LONG} again", f"{LONG}\n", f"{LONG}\u00e9"])
def test_an_id_that_is_no_printable_word_is_known_by_its_digest(call_id):
    own = unique(call_id)
    assert own == unique(call_id)
    assert own != unique(f"{call_id}!")
    assert len(own) == 32
    assert own.isalnum()


def test_a_digest_is_of_everything_and_shows_nothing():
    assert digest("0812", {"day": 1}) == digest("0812", {"day": 1})
    assert (
        len({digest("0812", {"day": 1}), digest("0812", {"day": 2}), digest("0813", {"day": 1}), digest("\ud800")}) == 4
    )
    assert "0812" not in digest("0812")
