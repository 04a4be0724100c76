"""Limited Data Use and apps (Meta, Data processing options; Conversions API: server event parameters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.sandbox.rules.scene import Event, Scene, invalid, missing

if TYPE_CHECKING:
    from konversi.sandbox.errors import Refusal

_COUNTRIES = (0, 1)  # geolocate, USA
_STATES = (0, *range(1000, 1014))  # geolocate, California to Rhode Island
_EXTINFO_SLOTS = 16
_PLATFORMS = frozenset({"a2", "i2"})
_TRACKING = ("advertiser_tracking_enabled", "application_tracking_enabled")


def limited_data_use(event: Event, _scene: Scene) -> Refusal | None:
    options = event.get("data_processing_options")
    country, state = event.get("data_processing_options_country"), event.get("data_processing_options_state")
    if options is None and country is None and state is None:
        return None
    if options is not None and options not in ([], ["LDU"]):
        return invalid("data_processing_options")
    if country is None:
        return missing("data_processing_options_country") if options else None
    if country not in _COUNTRIES:
        return invalid("data_processing_options_country")
    if state is None:
        return missing("data_processing_options_state")
    return None if state in _STATES else invalid("data_processing_options_state")


def app(event: Event, _scene: Scene) -> Refusal | None:
    if event["action_source"] != "app":
        return None
    data = event.get("app_data")
    if data is None:
        return missing("app_data")
    if not isinstance(data, dict):
        return invalid("app_data")
    for key in _TRACKING:
        if data.get(key) not in (0, 1):
            return missing("app_data", key) if data.get(key) is None else invalid("app_data", key)
    slots = data.get("extinfo")
    if not isinstance(slots, list) or len(slots) != _EXTINFO_SLOTS:
        return missing("app_data", "extinfo") if slots is None else invalid("app_data", "extinfo")
    platform, system = slots[0], slots[4]
    return None if isinstance(platform, str) and platform in _PLATFORMS and system else invalid("app_data", "extinfo")
