"""The webhooks' page names what the parsers read."""

from pathlib import Path

import konversi
from konversi.intake import hearing
from konversi.intake.whatsapp import samples

ROOT = Path(konversi.__file__).parents[2]
PAGE = (ROOT / "docs/reference/webhooks.md").read_text(encoding="utf-8")


def test_every_kind_that_can_be_simulated_is_described():
    assert all(f"| `{kind}` |" in PAGE for kind in samples.KINDS)


def test_the_most_messages_of_a_call_are_named():
    assert f"Beyond {hearing.MOST:,} messages" in PAGE
