"""Building a model from what a tool said: a faulty part is left out instead of losing the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Model = TypeVar("Model", bound=BaseModel)
_ROUNDS = 4  # a dropped part may leave its owner without something it needs, which is then dropped in turn


def build(kind: type[Model], data: dict[str, Any]) -> tuple[Model | None, tuple[str, ...]]:
    """The model and the dotted names of what was left out of `data`; no model where the rest does not stand alone.

    `data` holds plain dicts and lists, and is emptied of its faulty parts.
    """
    dropped: list[str] = []
    for _ in range(_ROUNDS):
        try:
            return kind.model_validate(data), tuple(dropped)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            faulty = {_existing(data, details["loc"]) for details in found}
        if () in faulty:
            break
        for path in sorted(
            faulty, key=_place, reverse=True
        ):  # the last entries of a list first: the others stay in place
            _remove(data, path)
            dropped.append(".".join(map(str, path)))
    return None, tuple(dropped)


def _existing(data: Any, loc: Sequence[int | str]) -> tuple[int | str, ...]:
    """The part of an error's path that `data` has: pydantic adds the names of union branches."""
    path: list[int | str] = []
    for step in loc:
        there = step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        if not there:
            break
        data = data[step]
        path.append(step)
    return tuple(path)


def _place(path: tuple[int | str, ...]) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def _remove(data: Any, path: tuple[int | str, ...]) -> None:
    for step in path[:-1]:
        data = data[step]
    del data[path[-1]]
