"""The explanation behind `konversi hash`."""

import hashlib

import pytest

from konversi.events.conversion import Click, Client, Customer
from konversi.matching.explain import explain
from konversi.matching.keys import BY_CUSTOMER_FIELD, BY_META, KEYS


@pytest.mark.parametrize("field", ["phone", "ph", "customer.phone"])
def test_our_name_and_metas_name_explain_the_same(field):
    explained = explain(field, "0812-3456-7890", "ID")
    assert explained.normalized == "6281234567890"
    assert explained.sha256 == hashlib.sha256(b"6281234567890").hexdigest()
    assert explained.steps[0] == "phone is sent as Meta's key ph."


def test_a_lower_case_country_will_do():
    assert explain("phone", "0812-3456-7890", "id").normalized == "6281234567890"


def test_a_key_that_is_never_hashed_shows_the_value_that_is_sent():
    explained = explain("page_id", " 1020 ", None)
    assert (explained.normalized, explained.sha256, explained.note) == ("1020", None, None)


def test_a_hash_explains_itself():
    digest = hashlib.sha256(b"budi").hexdigest()
    explained = explain("fn", digest.upper(), None)
    assert (explained.normalized, explained.sha256) == (digest, digest)
    assert "already" in explained.steps[-1]


def test_a_value_used_with_a_doubt_has_both_a_hash_and_a_note():
    explained = explain("phone", "14155552671", "ID")
    assert explained.sha256 == hashlib.sha256(b"14155552671").hexdigest()
    assert "country code" in (explained.note or "")


def test_a_full_name_is_explained_as_two_keys():
    explained = explain("name", "Budi Santoso", None)
    assert (explained.normalized, explained.sha256) == ("budi santoso", None)
    assert "fn and ln" in (explained.note or "")


def test_a_single_word_is_explained_as_a_first_name():
    assert explain("name", "Budi", None) == explain("first_name", "Budi", None)


def test_an_unknown_field_is_answered_with_the_known_ones():
    explained = explain("shoe_size", "42", None)
    assert explained.sha256 is None
    assert "birth_date" in (explained.note or "")


def test_every_field_of_a_customer_a_click_and_a_client_has_its_key():
    assert set(BY_CUSTOMER_FIELD) == set(Customer.model_fields) - {"name", "language", "preferences"}
    others = {key.about for key in KEYS if key.about and not key.about.startswith("customer.")}
    assert others == {f"click.{name}" for name in Click.model_fields if name not in {"fbclid", "clicked_at"}} | {
        f"client.{name}" for name in Client.model_fields if name != "page_url"
    }


def test_no_two_rows_of_the_table_are_about_the_same_key():
    """But for the customer number, which WhatsApp's own id of a person goes beside."""
    rows = [(key.meta, key.about if key.meta == "external_id" else None) for key in KEYS]
    assert len(set(rows)) == len(KEYS)
    assert BY_META["external_id"].about == "customer.external_id"
