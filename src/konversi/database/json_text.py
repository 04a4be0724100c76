"""What stands in a JSON text, read by the database itself: no row has to come to Python for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import SQLCompiler


class _Names(FunctionElement[str]):
    type = String()
    inherit_cache = True


class _Value(FunctionElement[str]):
    type = String()
    inherit_cache = True


def names_in(column: ColumnElement[str], member: str) -> FunctionElement[str]:
    """The names in an object that is a member of the text, in their order, with commas; null where it has none."""
    return _Names(column, literal(f"$.{member}"), literal(member))


def value_at(column: ColumnElement[str], *path: str | int) -> FunctionElement[str]:
    """What stands at the end of names and places (from 0), as text; null where nothing does."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return _Value(column, literal(f"${steps}"), literal("{" + ",".join(map(str, path)) + "}"))


def _parts(element: FunctionElement[str], compiler: SQLCompiler, given: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **given) for clause in element.clauses]


@compiles(_Names, "sqlite")
def _sqlite_names(element: _Names, compiler: SQLCompiler, **given: Any) -> str:
    column, path, _ = _parts(element, compiler, given)
    return f"(SELECT group_concat(key) FROM json_each({column}, {path}))"  # noqa: S608 - ours


@compiles(_Names, "postgresql")
def _postgresql_names(element: _Names, compiler: SQLCompiler, **given: Any) -> str:
    column, _, member = _parts(element, compiler, given)
    of = f"json_object_keys(CAST({column} AS json) -> CAST({member} AS text))"
    return f"(SELECT string_agg(name, ',') FROM {of} name)"  # noqa: S608 - ours


@compiles(_Value, "sqlite")
def _sqlite_value(element: _Value, compiler: SQLCompiler, **given: Any) -> str:
    column, path, _ = _parts(element, compiler, given)
    return f"json_extract({column}, {path})"


@compiles(_Value, "postgresql")
def _postgresql_value(element: _Value, compiler: SQLCompiler, **given: Any) -> str:
    column, _, path = _parts(element, compiler, given)
    return f"(CAST({column} AS json) #>> CAST({path} AS text[]))"
