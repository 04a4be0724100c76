"""Writes the tables of `docs/reference/` into their pages: `python tests/docs/generate.py`. A test compares them.

A table stands between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`; the words around it are written by hand.
"""

import sys
from pathlib import Path

import doc_tables

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"

REGIONS = {
    "settings": ("settings.md", doc_tables.settings),
    "cli": ("cli.md", doc_tables.cli),
    "errors": ("errors.md", doc_tables.errors),
    "faults": ("errors.md", doc_tables.faults),
    "notes": ("errors.md", doc_tables.notes),
    "verdicts": ("errors.md", doc_tables.verdicts),
    "answers": ("errors.md", doc_tables.answers),
    "metrics": ("metrics.md", doc_tables.metric_table),
    "states": ("event-states.md", doc_tables.states),
    "steps": ("event-states.md", doc_tables.steps),
    "transitions": ("event-states.md", doc_tables.transitions),
    "diagram": ("event-states.md", doc_tables.diagram),
    "matching": ("matching.md", doc_tables.matching),
    "weights": ("matching.md", doc_tables.weights),
    "names": ("events-and-channels.md", doc_tables.names),
    "guide-types": ("events-and-channels.md", doc_tables.guide_types),
    "channels": ("events-and-channels.md", doc_tables.channels),
    "left-out": ("events-and-channels.md", doc_tables.left_out),
    "paths": ("http-api.md", doc_tables.paths),
    "fields": ("http-api.md", doc_tables.fields),
    "guide-fields": ("http-api.md", doc_tables.guide_fields),
}


def marks(name):
    return f"<!-- generated:{name} -->", f"<!-- /generated:{name} -->"


def written(name):
    """What stands in the file now. Raises `ValueError` where the marks are missing."""
    begin, end = marks(name)
    text = (REFERENCE / REGIONS[name][0]).read_text(encoding="utf-8")
    return text[text.index(begin) + len(begin) : text.index(end)].strip()


def drawn(name):
    """What should stand there."""
    return REGIONS[name][1]().strip()


def write(name):
    begin, end = marks(name)
    path = REFERENCE / REGIONS[name][0]
    text = path.read_text(encoding="utf-8")
    before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    path.write_text(f"{before}\n{drawn(name)}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    for region in REGIONS:
        write(region)
    sys.stdout.write(f"{len(REGIONS)} tables written.\n")
