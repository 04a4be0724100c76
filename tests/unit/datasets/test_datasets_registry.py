"""Which dataset a chat's events belong to."""

import pytest

from konversi.datasets.registry import Account, Dataset, Registry
from konversi.settings import DEFAULT_DATASET

OWN, STUDIO, SPA = "1000000001", "1000000002", "1000000003"
WABA, OTHER_WABA, PAGE = "2000000001", "2000000002", "3000000001"


def dataset(id_, token="EAAregistry", **given):
    return Dataset(id_, "", token, "appsecret", None, 0.0, **given)


REGISTRY = Registry(
    OWN,
    {STUDIO: dataset(STUDIO), SPA: dataset(SPA)},
    {
        Account("whatsapp", WABA): STUDIO,
        Account("whatsapp", OTHER_WABA): OWN,
        Account("messenger", PAGE): SPA,
    },
    {"110022003300": WABA, "+6281234567890": WABA, "440055006600": OTHER_WABA},
)


@pytest.mark.parametrize(
    ("channel", "account", "line", "found"),
    [
        ("whatsapp", WABA, None, STUDIO),
        ("whatsapp", None, "110022003300", STUDIO),
        ("whatsapp", None, "+6281234567890", STUDIO),
        ("whatsapp", "", "110022003300", STUDIO),
        ("whatsapp", OTHER_WABA, "110022003300", DEFAULT_DATASET),  # what the account says goes before the line
        ("whatsapp", None, "440055006600", DEFAULT_DATASET),
        ("messenger", PAGE, None, SPA),
        ("instagram", PAGE, None, None),
        ("whatsapp", "2000000009", "110022003300", None),
        ("whatsapp", None, "999999999999", None),
        ("whatsapp", None, None, None),
    ],
)
def test_a_chat_belongs_to_the_dataset_of_its_account_or_else_of_its_line(channel, account, line, found):
    assert REGISTRY.dataset_of(channel, account, line) == found


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, DEFAULT_DATASET),
        (DEFAULT_DATASET, DEFAULT_DATASET),
        (OWN, DEFAULT_DATASET),
        (SPA, SPA),
        ("1000000009", None),
        ("", None),
    ],
)
def test_a_caller_names_a_dataset_by_its_id_or_leaves_it_out(given, name):
    assert REGISTRY.resolve(given) == name
    if given is not None:
        assert REGISTRY.knows(given) is (name is not None)


def test_without_a_pixel_id_no_dataset_is_the_default_one():
    registry = Registry(None, {SPA: dataset(SPA)})
    assert registry.resolve(None) == DEFAULT_DATASET
    assert registry.find(DEFAULT_DATASET) is None
    assert registry.find(SPA).id == SPA


def test_one_added_under_the_pixel_id_is_the_default_one():
    registry = Registry(SPA, {SPA: dataset(SPA)})
    assert registry.find(DEFAULT_DATASET).id == SPA
    assert registry.resolve(SPA) == DEFAULT_DATASET


def test_nothing_printed_shows_a_token_or_an_app_secret():
    shown = repr(REGISTRY) + str(dataset(SPA))
    assert "EAAregistry" not in shown
    assert "appsecret" not in shown
