"""The two letters of each state of the USA: the one country whose states Meta wants abbreviated."""

from __future__ import annotations

US_STATES: dict[str, str] = {
    "alabama": "al", "alaska": "ak", "americansamoa": "as", "arizona": "az", "arkansas": "ar", "california": "ca",
    "colorado": "co", "connecticut": "ct", "delaware": "de", "districtofcolumbia": "dc", "washingtondc": "dc",
    "florida": "fl", "georgia": "ga", "guam": "gu", "hawaii": "hi", "idaho": "id", "illinois": "il",
    "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la", "maine": "me",
    "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn", "mississippi": "ms",
    "missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv", "newhampshire": "nh", "newjersey": "nj",
    "newmexico": "nm", "newyork": "ny", "northcarolina": "nc", "northdakota": "nd", "northernmarianaislands": "mp",
    "ohio": "oh", "oklahoma": "ok", "oregon": "or", "pennsylvania": "pa", "puertorico": "pr", "rhodeisland": "ri",
    "southcarolina": "sc", "southdakota": "sd", "tennessee": "tn", "texas": "tx", "utah": "ut", "vermont": "vt",
    "virginia": "va", "virginislands": "vi", "washington": "wa", "westvirginia": "wv", "wisconsin": "wi",
    "wyoming": "wy",
}  # fmt: skip
