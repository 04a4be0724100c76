"""The pages' languages: nothing is left in English where Bahasa Indonesia was asked for."""

import re
import string
from pathlib import Path
from typing import get_args

import pytest

import konversi.dashboard
from konversi.dashboard.language import Language, of_header, words
from konversi.events.agent import Outcome
from konversi.meta.answers import Kind

TEMPLATES = Path(konversi.dashboard.__file__).parent / "templates"
SAID = re.compile(r"""\bt\((?:"([^"]+)"|'([^']+)')[,)]""")
COUNTED = re.compile(r'n_\("([^"]*)",\s*"([^"]*)"')


def sentences():
    found = set()
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text()
        found.update(one or other for one, other in SAID.findall(text))
        found.update(form for pair in COUNTED.findall(text) for form in pair)
    return sorted(found)


def names_in(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_of_the_pages_is_translated_with_the_same_values(sentence):
    assert sentence in words("id")
    if ":" not in sentence or "{" in sentence:
        assert names_in(words("id")[sentence]) == names_in(sentence)


def test_both_languages_have_the_same_terms():
    assert set(words("en")) <= set(words("id"))
    assert all(re.fullmatch(r"[a-z_]+:\w+", term) for term in words("en"))


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_each_outcome_of_a_tool_has_its_word(outcome):
    assert f"outcome:{outcome}" in words("en")


@pytest.mark.parametrize("verdict", [*Kind, "abandoned"])
def test_each_verdict_on_an_attempt_has_its_words(verdict):
    assert {f"what:{verdict}", f"step:{verdict}"} <= set(words("en"))


@pytest.mark.parametrize(
    ("accepted", "code"),
    [("id-ID,id;q=0.9,en;q=0.8", "id"), ("en-US", "en"), ("fr,id;q=0.5", "id"), ("", "en"), ("x" * 5_000, "en")],
)
def test_the_language_is_the_first_of_ours_that_the_browser_names(accepted, code):
    assert of_header(accepted).code == code


def test_numbers_are_written_as_the_language_does():
    assert Language("id").number(12431) == "12.431"
    assert Language("en").number(12431) == "12,431"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.0451, "45 ms"), (1.25, "1.2 s"), (90, "1 min"), (7_300, "2 h"), (90_000, "1 d")],
)
def test_a_stretch_of_time_is_said_in_its_largest_unit(seconds, said):
    assert Language("en").seconds(seconds) == said
