"""What the alert rules and the Grafana board ask for stands in /metrics, and is asked as Prometheus understands it."""

import json
import re
from pathlib import Path

import pytest
import yaml
from api_harness import PIXEL, TOKEN, FakeMeta, lead, running

import promql
from konversi.settings import load

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS_OWN = {"up"}
SUMS = re.compile(r"_(bucket|sum|count)$")  # of a histogram


def asked_for():
    board = json.loads((DEPLOY / "grafana" / "konversi.json").read_text())
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])
    for group in yaml.safe_load((DEPLOY / "prometheus" / "konversi.rules.yml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


@pytest.fixture(scope="module")
def exposed(tmp_path_factory):
    """Metrics by name, each with its labels as far as it has values, of a gateway that has sent something."""
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path_factory.mktemp("metrics"))
    with running(given, meta=FakeMeta()) as server, server.client() as client:
        server.ended(client.post("/v1/events", json=lead(event_id="Lead:1")).json()["receipt"])
        text = client.get("/metrics").text
    found = {name: set() for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)}
    for name, labels in re.findall(r"^(\w+)(?:{([^}]*)})? \S+$", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


@pytest.mark.parametrize("expression", sorted(set(asked_for())))
def test_an_expression_is_promql_about_metrics_that_are_exposed(exposed, expression):
    for metric, labels in promql.read(expression):
        if metric in PROMETHEUS_OWN:
            continue
        assert metric in exposed or SUMS.sub("", metric) in exposed
        if has := exposed.get(metric):
            assert labels - {"job"} <= has


@pytest.mark.parametrize(
    "wrong",
    [
        "sum(rate(konversi_steps_total))",
        "rate(konversi_steps_total[5m]",
        "sum by (lane (konversi_events)",
        "konversi_events[5m]",
        'konversi_events{state="waiting}',
        "konversi_events{state=waiting}",
        "rates(konversi_steps_total[5m])",
        "histogram_quantile(konversi_time_to_meta_seconds_bucket)",
        "max(konversi_events) >",
        "konversi_events konversi_events",
    ],
)
def test_a_slip_in_an_expression_is_found(wrong):
    with pytest.raises(ValueError, match=r"."):
        promql.read(wrong)
