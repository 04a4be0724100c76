"""The dashboard for Grafana asks for metrics, labels and values that there are."""

import json
import re
from itertools import combinations
from pathlib import Path

from konversi.intake.answered import door_of
from konversi.outbox.states import State, Step

ROOT = Path(__file__).resolve().parents[2]
BOARD = json.loads((ROOT / "deploy" / "grafana" / "konversi.json").read_text())
REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
KNOWN = {
    name: set(re.findall(r"`(\w+)`", labels))
    for name, labels in re.findall(r"^\| `(konversi_\w+)` \| \w+ \| ([^|]*) \|", REFERENCE, re.MULTILINE)
}
TARGETS = [(panel, target) for panel in BOARD["panels"] for target in panel["targets"]]
VALUES = {
    "state": {state.value for state in State},
    "step": {"accept", "in_doubt", *(step.value for step in Step)},
    "status": {"4xx", "5xx"},
    "door": {door_of("/healthz")},
}


def test_every_metric_and_label_that_a_panel_asks_for_exists():
    asked = set()
    for _, target in TARGETS:
        named = re.findall(r"konversi_\w+", target["expr"])
        asked.update(named)
        assert named or target["expr"].startswith("sum(up{")
        labels = {"job"}.union(*(KNOWN[name] for name in named))
        chosen = re.findall(r"(\w+)[!=]=?~?\"", target["expr"])
        grouped = [one.strip() for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for one in group.split(",")]
        written = re.findall(r"{{(\w+)}}", target["legendFormat"])
        assert {*chosen, *grouped, *written} <= labels, target["expr"]
    assert asked == set(KNOWN), "a metric that no panel shows, or the other way round"


def test_every_value_that_a_panel_picks_exists():
    for _, target in TARGETS:
        for label, values in re.findall(r"(state|step|status|door)!?=~?\"([^\"]*)\"", target["expr"]):
            assert set(values.split("|")) <= VALUES[label], target["expr"]


def test_the_panels_say_what_they_show_and_lie_side_by_side():
    assert all(panel["title"] and panel["description"] for panel in BOARD["panels"])
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)


def test_whoever_imports_it_chooses_his_own_prometheus():
    sources = {json.dumps(panel["datasource"]) for panel in BOARD["panels"]}
    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert [one["name"] for one in BOARD["templating"]["list"]] == ["datasource", "job"]
