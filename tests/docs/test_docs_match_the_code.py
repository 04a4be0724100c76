"""What the documentation says is what the code does: tables, links, examples, commands and names."""

import ast
import importlib
import json
import re
import tomllib
import typing
from pathlib import Path

import doc_tables
import generate
import pytest
from codes import fault_codes, note_codes

from konversi.cli.app import app as commands
from konversi.errors import MissingExtra
from konversi.matching.keys import KEYS
from konversi.meta.channels import ACTION_SOURCES
from konversi.outbox.states import TRANSITIONS, State
from konversi.sandbox.faults import Fault
from konversi.sandbox.sandbox import Sandbox
from konversi.settings import Settings, secret_files, variable

ROOT = generate.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDES = [ROOT / "docs/tutorial/setup.md", ROOT / "docs/tutorial/setup.id.md"]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\b(?:META|KONVERSI)_[A-Z]+(?:_[A-Z]+)*\b")


def name_of(page):
    return str(page.relative_to(ROOT))


def text_of(page):
    return page.read_text(encoding="utf-8")


def reference(name):
    return text_of(ROOT / "docs/reference" / f"{name}.md")


def blocks(page, *languages):
    return [match[3] for match in _FENCE.finditer(text_of(page)) if match[2] in languages]


def prose(page):
    return _FENCE.sub("", text_of(page))


def anchors(page):
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("region", generate.REGIONS)
def test_a_generated_table_is_up_to_date(region):
    assert generate.written(region) == generate.drawn(region), "run: python tests/docs/generate.py"


def test_every_setting_is_listed_with_its_description():
    page = reference("settings")
    for name, field in Settings.model_fields.items():
        assert f"| `{variable(name)}` |" in page
        assert field.description
        assert field.description in page


def test_every_secret_is_listed_with_its_file():
    page = reference("settings")
    assert all(f"`{name}_FILE`" in page for name in secret_files())


def test_every_command_has_its_own_section():
    page = reference("cli")
    names = doc_tables.command_names()
    assert len(names) >= 11
    assert all(f"### `{name}`\n" in page for name in names)


def test_every_option_of_every_command_is_described():
    for path, app in doc_tables.subcommands(commands):
        for argument in app.assemble_argument_collection(parse_docstring=True):
            if path[-1] not in ("show", "replay") or argument.name != "RECEIPT":
                assert argument.parameter.help, f"{' '.join(path)} {argument.name}"


def test_every_error_has_a_title_and_another_sentence_as_remedy():
    found = doc_tables.error_classes()
    assert len(found) >= 20
    for code, status, title, remedy in found:
        assert title.endswith("."), code
        assert remedy.endswith("."), code
        assert title != remedy, code
        assert 400 <= status <= 599, code


def test_a_code_stands_for_one_error_only():
    titles = {code: title for code, _, title, _ in doc_tables.error_classes()}
    assert all(titles[code] == title for code, _, title, _ in doc_tables.error_classes() if code != "invalid_request")


def test_every_code_of_a_field_and_of_a_note_is_listed():
    page = reference("errors")
    assert {"too_small", "milliseconds", "customer_insufficient"} <= fault_codes().keys()
    assert {"phone_not_valid", "no_ad_click"} <= note_codes().keys()
    assert all(f"| `{code}` |" in page for code in (*fault_codes(), *note_codes()))


def test_every_metric_is_listed():
    names = [family.samples[0].name for family in doc_tables.metric_families()]
    assert "konversi_steps_total" in names
    assert all(f"| `{name}` |" in reference("metrics") for name in names)


def test_every_state_and_transition_is_drawn():
    page = reference("event-states")
    assert all(f"| `{state.value}` |" in page for state in State)
    for (state, step), then in TRANSITIONS.items():
        assert f"    {state.value} --> {then.value}: {step.value}\n" in page


def test_every_match_key_and_channel_is_listed():
    assert all(f"| `{key.meta}` |" in reference("matching") for key in KEYS)
    assert all(f"| `{channel}` |" in reference("events-and-channels") for channel in ACTION_SOURCES)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    for target in _LINK.findall(prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_examples_compile_and_import_what_exists(page):
    for block in blocks(page, "python"):
        tree = compile(block, name_of(page), "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("konversi"):
                try:
                    module = importlib.import_module(node.module)
                except MissingExtra:  # an agent framework's adapter: its own tests run the page's example
                    continue
                assert all(hasattr(module, alias.name) for alias in node.names), block


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_json_examples_are_json(page):
    for block in blocks(page, "json"):
        json.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_text_exist(page):
    known = doc_tables.command_names()
    groups = {name.rpartition(" ")[0] for name in known}
    for block in blocks(page, "bash"):
        for line in block.splitlines():
            match = re.search(r"(?:^|\s|/)konversi ((?:[a-z][a-z-]* ?){1,2})", line.partition("#")[0])
            if match:
                words = match[1].split()
                assert f"konversi {' '.join(words)}" in known or f"konversi {words[0]}" in {*known, *groups}, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_variables_in_the_text_are_settings(page):
    known = {variable(name) for name in Settings.model_fields} | {"META_DATASET_ID"}
    known |= {f"{name}_FILE" for name in secret_files()}
    unknown = {name for name in _VARIABLE.findall(text_of(page)) if name not in known}
    assert unknown <= {"META_CONVERSION"}  # in the log line of the setup guide


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_promises_what_nobody_can_keep(page):
    for line in text_of(page).splitlines():
        if "exactly once" in line.lower():
            assert re.search(r"\b(never|not|no)\b", line.lower()), line


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
@pytest.mark.parametrize(
    "words",
    [
        'META_PIXEL_ID="your_pixel_id_here"',
        'META_CONVERSION_API_TOKEN="your_access_token_here"',
        "curl http://localhost:3000/api/meta/conversion",
        "curl -X POST http://localhost:3000/api/meta/conversion \\",
        '"pixelId": "1234****"',
        '"customerPhone": "628123456789"',
        '{"serviceName": "Repaint Bodi Halus", "price": 150000}',
        "[Meta Conversion API] Sending conversion event: Lead",
        "[Meta Conversion API] Success: {",
        "[META CONVERSION] Successfully sent to Meta: ",
        "Missing Meta credentials",
        "Invalid access token",
        "Pixel not found",
        "TEST12345",
        "InitiateCheckout",
    ],
)
def test_the_tutorial_has_the_setup_guides_words(guide, words):
    assert words in text_of(guide)


@pytest.mark.parametrize("page", sorted((ROOT / "docs/how-to/agents").glob("*.md")), ids=name_of)
def test_a_page_for_agents_installs_from_a_clone_with_an_extra_that_there_is(page):
    """No package index has Konversi yet."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for line in re.findall(r"pip install .*konversi.*", text_of(page)):
        clone = re.fullmatch(r'pip install (?:\.\./konversi|"\.\./konversi\[([a-z-]+)\]")', line)
        assert clone, line
        assert clone[1] is None or clone[1] in extras


def test_the_readme_keeps_a_place_for_the_demo():
    text = text_of(ROOT / "README.md")
    assert text.index("<!-- demo transcript -->") < text.index("<!-- /demo transcript -->")


def test_every_runtime_dependency_is_accounted_for():
    declared = re.search(r"^dependencies = \[\n(.*?)^\]", text_of(ROOT / "pyproject.toml"), re.MULTILINE | re.DOTALL)
    names = re.findall(r'^\s+"([a-z0-9-]+)', declared[1], re.MULTILINE)
    decision = text_of(next((ROOT / "docs/decisions").glob("0012-*.md")))
    assert len(names) > 10
    assert all(f"| `{name}` |" in decision for name in names)


def test_every_page_of_the_documentation_can_be_reached_from_its_index():
    docs = ROOT / "docs"
    reached, left = set(), [docs / "index.md"]
    while left:
        page = left.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = (target.partition("#")[0] for target in _LINK.findall(prose(page)) if "://" not in target)
            left += [Path(page.parent / link).resolve() for link in links if link]
    assert {page for page in PAGES if page.is_relative_to(docs)} <= reached


def test_the_sandboxs_faults_and_members_are_described():
    text = text_of(ROOT / "docs/how-to/try-without-meta.md")
    kinds = typing.get_args(Fault.model_fields["kind"].annotation)
    members = {name for name in dir(Sandbox) if not name.startswith("_")} - {"start", "stop"}

    assert [word for word in (*kinds, *Fault.model_fields, *sorted(members)) if word not in text] == []
