"""What is sealed comes back whole, and only where it belongs and with the same secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.database.sealed import Seal
from konversi.errors import SealBroken

SECRET = b"s" * 32
ABOUT = "dataset 123 token"
TOKEN = b"EAAsealedTokenThatMustNeverShow"


@given(st.binary(max_size=500), st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_what_was_closed_opens_again(plain, about):
    sealed = Seal(SECRET).close(plain, about)
    assert Seal(SECRET).open(sealed, about) == plain


def test_a_sealed_token_does_not_show():
    assert TOKEN not in Seal(SECRET).close(TOKEN, ABOUT)


def test_the_same_text_is_never_sealed_alike():
    seal = Seal(SECRET)
    assert len({seal.close(TOKEN, ABOUT)[:13] for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("secret", "about"),
    [(b"t" * 32, ABOUT), (SECRET, "dataset 124 token"), (SECRET, "dataset 123 app secret"), (SECRET, "")],
)
def test_another_secret_or_another_place_opens_nothing(secret, about):
    sealed = Seal(SECRET).close(TOKEN, ABOUT)
    with pytest.raises(SealBroken) as caught:
        Seal(secret).open(sealed, about)
    assert TOKEN.decode() not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.integers(0, 8 * (1 + 12 + len(TOKEN) + 16) - 1))
def test_a_single_changed_bit_is_noticed(bit):
    sealed = bytearray(Seal(SECRET).close(TOKEN, ABOUT))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        Seal(SECRET).open(bytes(sealed), ABOUT)


@given(st.binary(max_size=40))
def test_whatever_the_database_holds_it_is_refused_in_words(rubbish):
    with pytest.raises(SealBroken, match="dataset 123 token"):
        Seal(SECRET).open(rubbish, ABOUT)


def test_a_seal_prints_nothing_of_its_secret():
    seal = Seal(b"secret-of-the-installation-here!")
    assert "secret" not in repr(seal)
