"""The codes of faults and notes that the code can give, read from its source: they are made in many rooms."""

import ast
from functools import cache
from pathlib import Path

import konversi
from konversi.events.faults import _BY_PYDANTIC_TYPE, _FALLBACK

SOURCE = Path(konversi.__file__).parent
_AWAY = {"sandbox"}  # has codes of Meta's, not of Konversi's


def _calls(name):
    for path in sorted(SOURCE.rglob("*.py")):
        if not _AWAY & set(path.relative_to(SOURCE).parts):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name:
                    yield path, node


def _argument(path, call, position, name):
    """The text of an argument, with `...` for what is put in at run time; None where it is no text at all."""
    given = next((one.value for one in call.keywords if one.arg == name), None)
    if given is None and len(call.args) > position:
        given = call.args[position]
    if isinstance(given, ast.Name) and given.id != "code":
        given = _constant(path, given.id)
    if isinstance(given, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in given.values)
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


@cache
def _constant(path, name):
    """What the module assigns to the name at its top, or as a function's plain variable."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", None) == name for target in node.targets):
            return node.value
    return None


def _gathered(name, code_at, text_at, text_name):
    found = {}
    for path, call in _calls(name):
        code = _argument(path, call, code_at, "code")
        if code is not None:
            found.setdefault(code, []).append(_argument(path, call, text_at, text_name) or "")
    return {code: list(dict.fromkeys(filter(None, texts))) for code, texts in found.items()}


def fault_codes():
    """Each code with what it says of its field."""
    found = _gathered("Fault", 1, 2, "detail")
    for code, detail, _remedy in (*_BY_PYDANTIC_TYPE.values(), _FALLBACK):
        texts = found.setdefault(code, [])
        if detail not in texts:
            texts.append(detail)
    return found


def note_codes():
    """Each code of a note with its text."""
    found = _gathered("Remark", 1, 2, "text")
    for code, texts in _gathered("Note", 1, 2, "text").items():
        found.setdefault(code, []).extend(texts)
    return found
