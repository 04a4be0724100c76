"""The rules for Prometheus speak of metrics that there are."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"


def rules():
    (group,) = yaml.safe_load((FOLDER / "konversi.rules.yml").read_text())["groups"]
    return group["rules"]


def test_every_metric_of_a_rule_exists_with_its_labels():
    reference = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    known = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(konversi_\w+)` \| \w+ \| ([^|]*) \|", reference, re.MULTILINE)
    }
    for rule in rules():
        named = re.findall(r"konversi_\w+", rule["expr"])
        assert named or rule["expr"].startswith("up{")
        labels = set().union(*(known[name] for name in named))
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels
        if named:
            assert set(re.findall(r"(\w+)=\"", rule["expr"])) <= labels


def test_every_rule_says_what_is_wrong_and_the_sample_reads_them():
    assert all(rule["annotations"]["summary"] for rule in rules())
    sample = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert [(FOLDER / name).exists() for name in sample["rule_files"]] == [True]
