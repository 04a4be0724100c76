"""A small ad account: two campaigns, four ad sets, twelve ads (Meta, Marketing API: ad account structure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "102938475610293"
_PREFIX = "1202100000000"  # ids of ads have 18 digits

_CAMPAIGNS = ("Repaint bodi: chat WhatsApp", "Poles & coating: chat WhatsApp")
_AREAS = ("Jakarta Selatan", "Bandung")
_CREATIVES = ("Video sebelum-sesudah", "Foto galeri", "Testimoni pelanggan")


def _nodes() -> dict[str, dict[str, str]]:
    campaigns: dict[str, dict[str, str]] = {}
    sets: dict[str, dict[str, str]] = {}
    ads: dict[str, dict[str, str]] = {}
    for campaign_name in _CAMPAIGNS:
        campaign = f"{_PREFIX}{len(campaigns) + 1:05}"
        campaigns[campaign] = {"id": campaign, "name": campaign_name, "account_id": ACCOUNT}
        for area in _AREAS:
            ad_set = f"{_PREFIX}{len(sets) + 101:05}"
            within = {"campaign_id": campaign, "account_id": ACCOUNT}
            sets[ad_set] = {"id": ad_set, "name": area, **within}
            for creative in _CREATIVES:
                ad = f"{_PREFIX}{len(ads) + 1001:05}"
                ads[ad] = {"id": ad, "name": f"{creative}, {area}", "adset_id": ad_set, **within}
    return ads | sets | campaigns


NODES: Mapping[str, Mapping[str, str]] = _nodes()
"""Each ad, ad set and campaign by its id, with the fields it has."""

AD_IDS = tuple(node for node, fields in NODES.items() if "adset_id" in fields)

AD_FIELDS = frozenset({"adset_id", "campaign_id", "account_id"})
"""What ads have and datasets don't."""
