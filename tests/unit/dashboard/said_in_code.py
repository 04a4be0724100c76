"""The sentences that the code can say about an event: read from its source, so that no new one is forgotten."""

import ast
from pathlib import Path

import konversi

ROOT = Path(konversi.__file__).parent
# Never on a page: of other doors, of the start, or for the log.
ELSEWHERE = {"sandbox", "cli", "agents", "client", "detection"}
FOR_LOGS = {"aftercare/upkeep.py", "intake/forward.py", "intake/refused_calls.py", "intake/http/cron.py"}
BLANK = "7"  # stands for what differs
# Which arguments of what is made of them are for people. Of an error only what is said beside its title.
SAYS = {
    "Fault": (2, 3),
    "Note": (2,),
    "Remark": (2,),
    "Explained": (2,),
    "Kept": (0,),
    "Due": (4,),
    "Objection": (1,),
    "UnusableError": (0,),
    "UnreadableFile": (0,),
    "UnusableColumns": (0,),
    "InvalidRequest": (0,),
    "NotFound": (0,),
    "MalformedBody": (0,),
    "ValueError": (0,),
}
BY_NAME = {"why", "detail", "remedy", "fault"}


def modules():
    """Each module's path and its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        at_the_start = inside.parent.name == "settings"
        if inside.parts[0] not in ELSEWHERE and str(inside) not in FOR_LOGS and not at_the_start:
            yield str(inside), ast.parse(path.read_text())


def _constants(tree):
    return {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _texts(node, named):
    """What an argument can be: its texts, or nothing where it is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else BLANK for part in parts)
        case ast.Name(id=name) if name in named:
            yield from _texts(named[name], named)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _texts(part, named)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, named)
            yield from _texts(other, named)


def _arguments(call, named):
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            inner = named.get(argument.value.id) if isinstance(argument.value, ast.Name) else None
            yield from inner.elts if isinstance(inner, ast.Tuple) else ()
        else:
            yield argument


def said():
    """Each text with the module that says it."""
    for module, tree in modules():
        named = _constants(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            maker = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            arguments = list(_arguments(call, named))
            places = [arguments[place] for place in SAYS.get(maker, ()) if place < len(arguments)]
            places += [one.value for one in call.keywords if one.arg in BY_NAME]
            for place in places:
                for text in _texts(place, named):
                    if text:
                        yield module, text
