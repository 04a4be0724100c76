"""Conversions out of JSON at a third of the cost, where nothing about them is out of the ordinary.

`events/conversion.py` says what a conversion is, and pydantic what is wrong with one. This reads only what pydantic
would surely take just as it stands, and leaves the rest to it: a field of another type or out of its bounds, blanks at
the ends of a name, any escaped character. Its types are made of the models, so that there is one definition.
"""

from __future__ import annotations

from copy import copy
from dataclasses import asdict
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from konversi.events.conversion import Click, Client, Conversion, Customer, Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MODELS: tuple[type[BaseModel], ...] = (Customer, Service, Click, Client, Conversion)  # each after those it holds
_LEFT_OUT = frozenset({"payment_id"})  # payments go a way of their own, in which a conversion is changed
_FOR_PYDANTIC = (b"\\", b"\x7f")  # escapes may hide what no text may hold; other control characters are no JSON
_WITHOUT_BLANKS = r"^\S(?s:.*\S)?\Z"  # at its ends
_SAID = frozenset({"min_length", "max_length", "ge", "le"})
_HEEDED = frozenset({"strip_whitespace", "strict", "pattern"})  # msgspec is strict, and control characters are no JSON
_SMALL = {"ge": -1e15, "le": 1e15}  # fractions: larger ones are not written alike by everybody
_encode = msgspec.json.Encoder().encode


class _Quick(msgspec.Struct):
    """A model's fields, read by msgspec."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def given(self) -> dict[str, Any]:
        """As `Customer.given`."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields

    def said(self) -> bytes:
        """As `Conversion.said`."""
        return _encode(self)


class Words(NamedTuple):
    """What a conversion is said with."""

    conversion: type[Conversion]
    customer: type[Customer]
    service: type[Service]
    click: type[Click]
    client: type[Client]


def one(body: bytes) -> Conversion | None:
    """The conversion in a body; `None` where pydantic has to see it."""
    return cast("Conversion | None", _read(_one, body))


def listed(body: bytes) -> Sequence[Conversion] | None:
    """The conversions in `{"events": [...]}`; `None` where pydantic has to see them."""
    found = _read(_list, body)
    return None if found is None else cast("Sequence[Conversion]", found.events)


def _read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    if any(sign in body for sign in _FOR_PYDANTIC):
        return None
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _struct(model: type[BaseModel], known: dict[type[BaseModel], type[_Quick]]) -> type[_Quick]:
    """The same fields with the same bounds. What is none is not said, as by `Conversion.said`."""
    fields = [
        (name, _type(field.annotation, field.metadata, known), *_default(field, known))
        for name, field in model.model_fields.items()
        if name not in _LEFT_OUT
    ]
    made = msgspec.defstruct(
        model.__name__,
        fields,
        bases=(_Quick,),
        namespace=dict.fromkeys(_LEFT_OUT),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )
    return cast("type[_Quick]", made)


def _default(field: FieldInfo, known: dict[type[BaseModel], type[_Quick]]) -> Iterator[Any]:
    if field.is_required():
        return
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        yield None
    elif isinstance(default, BaseModel):
        yield msgspec.field(default_factory=known[type(default)])
    else:
        yield msgspec.field(default_factory=partial(copy, default))  # no default to msgspec, which would not say it


def _type(annotation: Any, bounds: Iterable[Any], known: dict[type[BaseModel], type[_Quick]]) -> Any:
    """A field's type as msgspec has it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0], inner[1:], known)
    if origin in (Union, UnionType):
        return Union[tuple(_type(one, (), known) for one in inner)]  # noqa: UP007 - of types made here
    if origin in (list, tuple, dict):
        annotation = origin[tuple(one if one is ... else _type(one, (), known) for one in inner)]
    found: dict[str, Any] = {**_SMALL} if annotation is float else {}
    found |= _bounds(bounds)
    annotation = known.get(annotation, annotation)
    return Annotated[annotation, msgspec.Meta(**found)] if found else annotation


def _bounds(bounds: Iterable[Any]) -> dict[str, Any]:
    """What pydantic's constraints say, in msgspec's words. Raises `TypeError` for one that is not known here."""
    found: dict[str, Any] = {}
    for bound in bounds:
        if isinstance(bound, FieldInfo):
            found |= _bounds(bound.metadata)
            continue
        said = {name: value for name, value in asdict(bound).items() if value is not None}
        if not said.keys() <= _SAID | _HEEDED:
            raise TypeError(f"{bound} is not known to be read the same quickly")
        found |= {name: said[name] for name in _SAID & said.keys()}
        if said.get("strip_whitespace"):
            found["pattern"] = _WITHOUT_BLANKS
    return found


def _structs() -> dict[type[BaseModel], type[_Quick]]:
    known: dict[type[BaseModel], type[_Quick]] = {}
    for model in _MODELS:
        known[model] = _struct(model, known)
    return known


MODELS = Words(Conversion, Customer, Service, Click, Client)
_QUICK = _structs()
_CONVERSION = _QUICK[Conversion]
# The same without a look at what is said, for what was read before.
UNCHECKED = Words(*(cast("Any", _QUICK[model]) for model in MODELS))
_LIST = msgspec.defstruct("_List", [("events", list[_CONVERSION])], forbid_unknown_fields=True)  # type: ignore[valid-type]
_one = msgspec.json.Decoder(_CONVERSION)
_list = msgspec.json.Decoder(_LIST)
