"""Places in Indonesia, as people write them: the provinces, the cities, and what they are called for short.

All names are in their normal form: lower-case letters only. A city stands under the province that alone has a city or
regency of that name; of those that a second province has as well, nothing follows.

Source: the provinces and cities of Kepmendagri 300.2.2-2138 of 2025 (38 and 98, and a few regencies that people name
as their city), codes of ISO 3166-2:ID, and the abbreviations of daily use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from konversi.matching.letters import letters

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVINCES: Mapping[str, tuple[str, ...]] = {  # what else each is called; the first is its code
    "aceh": ("idac", "nad", "nanggroeacehdarussalam", "diaceh"),
    "sumaterautara": ("idsu", "sumut", "sumatrautara", "northsumatra"),
    "sumaterabarat": ("idsb", "sumbar", "sumatrabarat", "westsumatra"),
    "riau": ("idri",),
    "kepulauanriau": ("idkr", "kepri", "riauislands"),
    "jambi": ("idja",),
    "sumateraselatan": ("idss", "sumsel", "sumatraselatan", "southsumatra"),
    "kepulauanbangkabelitung": ("idbb", "babel", "bangkabelitung", "kepbabel", "bangkabelitungislands"),
    "bengkulu": ("idbe",),
    "lampung": ("idla",),
    "dkijakarta": ("idjk", "dki", "jakarta", "jakartaraya", "dkj", "daerahkhususjakarta", "daerahkhususibukotajakarta"),
    "jawabarat": ("idjb", "jabar", "westjava"),
    "banten": ("idbt",),
    "jawatengah": ("idjt", "jateng", "centraljava"),
    "diyogyakarta": (
        "idyo", "diy", "yogyakarta", "jogjakarta", "jogja", "yogya", "daerahistimewayogyakarta",
        "specialregionofyogyakarta",
    ),
    "jawatimur": ("idji", "jatim", "eastjava"),
    "bali": ("idba",),
    "nusatenggarabarat": ("idnb", "ntb", "westnusatenggara"),
    "nusatenggaratimur": ("idnt", "ntt", "eastnusatenggara"),
    "kalimantanbarat": ("idkb", "kalbar", "westkalimantan"),
    "kalimantantengah": ("idkt", "kalteng", "centralkalimantan"),
    "kalimantanselatan": ("idks", "kalsel", "southkalimantan"),
    "kalimantantimur": ("idki", "kaltim", "eastkalimantan"),
    "kalimantanutara": ("idku", "kaltara", "kalut", "northkalimantan"),
    "sulawesiutara": ("idsa", "sulut", "northsulawesi"),
    "gorontalo": ("idgo",),
    "sulawesitengah": ("idst", "sulteng", "centralsulawesi"),
    "sulawesibarat": ("idsr", "sulbar", "westsulawesi"),
    "sulawesiselatan": ("idsn", "sulsel", "southsulawesi"),
    "sulawesitenggara": ("idsg", "sultra", "southeastsulawesi"),
    "maluku": ("idma",),
    "malukuutara": ("idmu", "malut", "northmaluku"),
    "papua": ("idpa",),
    "papuabarat": ("idpb", "westpapua"),
    "papuabaratdaya": ("idpd", "southwestpapua"),
    "papuatengah": ("idpt", "centralpapua"),
    "papuapegunungan": ("idpe", "highlandpapua"),
    "papuaselatan": ("idps", "southpapua"),
}  # fmt: skip

CITIES: Mapping[str, tuple[str, ...]] = {  # of each province
    "aceh": ("bandaaceh", "langsa", "lhokseumawe", "sabang", "subulussalam"),
    "sumaterautara": (
        "medan", "binjai", "gunungsitoli", "padangsidimpuan", "pematangsiantar", "sibolga", "tanjungbalai",
        "deliserdang",
    ),
    "sumaterabarat": (
        "padang", "bukittinggi", "padangpanjang", "pariaman", "payakumbuh", "sawahlunto", "solok",
    ),
    "riau": ("pekanbaru", "dumai"),
    "kepulauanriau": ("batam", "tanjungpinang"),
    "jambi": ("jambi", "sungaipenuh"),
    "sumateraselatan": ("palembang", "lubuklinggau", "pagaralam", "prabumulih"),
    "kepulauanbangkabelitung": ("pangkalpinang",),
    "bengkulu": ("bengkulu",),
    "lampung": ("bandarlampung", "metro"),
    "dkijakarta": (
        "jakarta", "jakartaselatan", "jakartapusat", "jakartabarat", "jakartatimur", "jakartautara", "kepulauanseribu",
    ),
    "jawabarat": (
        "bandung", "bandungbarat", "bekasi", "bogor", "cimahi", "cirebon", "sukabumi", "tasikmalaya", "karawang",
    ),
    "banten": ("tangerang", "tangerangselatan", "serang", "cilegon"),
    "jawatengah": ("semarang", "surakarta", "magelang", "pekalongan", "salatiga", "tegal"),
    "diyogyakarta": ("yogyakarta", "sleman", "bantul", "kulonprogo", "gunungkidul"),
    "jawatimur": (
        "surabaya", "malang", "batu", "blitar", "kediri", "madiun", "mojokerto", "pasuruan", "probolinggo", "sidoarjo",
        "gresik",
    ),
    "bali": ("denpasar", "badung", "gianyar", "tabanan", "buleleng"),
    "nusatenggarabarat": ("mataram", "bima"),
    "nusatenggaratimur": ("kupang",),
    "kalimantanbarat": ("pontianak", "singkawang"),
    "kalimantantengah": ("palangkaraya",),
    "kalimantanselatan": ("banjarmasin", "banjarbaru"),
    "kalimantantimur": ("samarinda", "balikpapan", "bontang"),
    "kalimantanutara": ("tarakan",),
    "sulawesiutara": ("manado", "bitung", "kotamobagu", "tomohon"),
    "gorontalo": ("gorontalo",),
    "sulawesitengah": ("palu",),
    "sulawesiselatan": ("makassar", "palopo", "parepare"),
    "sulawesitenggara": ("kendari", "baubau"),
    "maluku": ("ambon", "tual"),
    "malukuutara": ("ternate", "tidorekepulauan"),
    "papua": ("jayapura",),
    "papuabaratdaya": ("sorong",),
}  # fmt: skip

# Banjar is a city of Jawa Barat and a regency of Kalimantan Selatan, and the others have namesakes that people mean.
OF_SEVERAL_PROVINCES = frozenset({"banjar", "depok", "tebingtinggi"})

CALLED: Mapping[str, str] = {  # what else a city is called
    "jaksel": "jakartaselatan", "southjakarta": "jakartaselatan", "jakpus": "jakartapusat",
    "centraljakarta": "jakartapusat", "jakbar": "jakartabarat", "westjakarta": "jakartabarat",
    "jaktim": "jakartatimur", "eastjakarta": "jakartatimur", "jakut": "jakartautara", "northjakarta": "jakartautara",
    "jkt": "jakarta", "dki": "jakarta", "dkijakarta": "jakarta", "bdg": "bandung", "kbb": "bandungbarat",
    "tangsel": "tangerangselatan", "southtangerang": "tangerangselatan", "solo": "surakarta", "smg": "semarang",
    "jogja": "yogyakarta", "yogya": "yogyakarta", "jogjakarta": "yogyakarta", "diy": "yogyakarta",
    "sby": "surabaya", "mlg": "malang", "ujungpandang": "makassar", "siantar": "pematangsiantar",
    "padangsidempuan": "padangsidimpuan", "tidore": "tidorekepulauan",
}  # fmt: skip

_PROVINCE_OF = {city: province for province, cities in CITIES.items() for city in cities}
_KNOWN = frozenset({*_PROVINCE_OF, *OF_SEVERAL_PROVINCES})
_PROVINCE_CALLED = {name: province for province, names in PROVINCES.items() for name in (province, *names)}
_COUNTRY = frozenset({"indonesia", "id", "ri", ""})
_KINDS_OF_PROVINCE = ("provinsi", "propinsi", "prov", "province")
_REGENCY = "kabupaten"


class Place(NamedTuple):
    """A city as it was understood, in normal form."""

    name: str  # empty where nothing but punctuation was said
    province: str | None  # only where it is certain
    spelled_out: bool  # another name than the one that was said


def province(text: str) -> str | None:
    """Its name in normal form, where it is known."""
    said = letters(text)
    every = (said.removeprefix(kind).removesuffix(kind) for kind in _KINDS_OF_PROVINCE)
    return next((_PROVINCE_CALLED[bare] for bare in every if bare in _PROVINCE_CALLED), None)


def city(text: str) -> Place:
    """`Kota Bandung`, `Kab. Sleman`, `Jaksel` and `Malang, Jatim`; what is not known as it is."""
    parts = text.split(",")
    told = None
    while len(parts) > 1 and ((last := letters(parts[-1])) in _COUNTRY or last in _PROVINCE_CALLED):
        told = told or _PROVINCE_CALLED.get(last)
        parts.pop()
    said = letters(",".join(parts))
    bare = _without_kind(said, parts[0])
    name = CALLED.get(bare, bare)
    return Place(name, told or _PROVINCE_OF.get(name) or _PROVINCE_CALLED.get(name), spelled_out=name != bare)


def _without_kind(said: str, text: str) -> str:
    """Without the word for its kind: of a city only where one of that name is known, since `Kotabaru` is a name."""
    if said in _KNOWN or said in CALLED:
        return said
    for bare in (said.removeprefix("kota"), said.removeprefix("kotaadministrasi"), said.removesuffix("city")):
        if bare in _KNOWN or bare in CALLED:
            return bare
    if said.startswith(_REGENCY):
        return said.removeprefix(_REGENCY) or said
    kind, _, rest = text.strip().replace(".", " ").partition(" ")
    if kind.lower() == "kab":
        return letters(rest) or said
    return said.removesuffix("regency") or said
