"""The tables of `docs/reference/`, each drawn from the code that it describes."""

import importlib
import inspect
import pkgutil
import re
from contextlib import suppress
from enum import StrEnum

from codes import fault_codes, note_codes
from prometheus_client.parser import text_string_to_metric_families
from pydantic_core import PydanticUndefined

import konversi
from konversi.cli.app import app as commands
from konversi.errors import KonversiError, MissingExtra
from konversi.events.conversion import Click, Client, Conversion, Customer, Service
from konversi.events.names import GUIDE_TYPES, MESSAGING, STANDARD
from konversi.insight.metrics import SharedReport, metrics
from konversi.insight.process_metrics import LaneReport, PreparerReport, ProcessReport, WebhookReport
from konversi.intake.guide import GuideConversion, GuideService
from konversi.intake.http.app import application
from konversi.matching.keys import KEYS
from konversi.matching.strength import WEIGHTS, score
from konversi.meta.answers import RULES, Kind
from konversi.meta.channels import (
    ACTION_SOURCES,
    DEFAULT_ACTION_SOURCE,
    MESSAGING_KEYS,
    MESSAGING_NAMES,
    NOT_IN_MESSAGING,
    ONLY_IN_MESSAGING,
)
from konversi.outbox.port import Commits, Counts
from konversi.outbox.states import FINAL, NEEDS_ATTENTION, TRANSITIONS, State, Step
from konversi.settings import Settings, secret_files, variable


def cell(text):
    """Text as Markdown: `<` would begin a tag, except within backticks."""
    parts = str(text).replace("|", "\\|").replace("\n", " ").strip().split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def code(text):
    return f"`{text}`"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def remarks(thing):
    """The comments at the ends of a class's lines, by the name that the line begins with."""
    lines = inspect.getsource(thing).splitlines()
    found = (re.match(r"\s+(\w+)(?::| =).*?  # (?!noqa)(.+)", line) for line in lines)
    return {match[1]: match[2].strip() for match in found if match}


def settings():
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        also = [code(one) for one in getattr(alias, "choices", [])[1:]]
        also += [code(f"{one}_FILE") for one in secret_files() if one == variable(name)]
        default = field.default_factory() if field.default is PydanticUndefined else field.default
        shown = "" if default is None else code("{}" if default == {} else default)
        rows.append([code(variable(name)), ", ".join(also), shown, code(name), cell(field.description)])
    return table(["Variable", "Also", "Default", "In Python", "What it is"], rows)


def subcommands(app, path=("konversi",)):
    for name in app:
        if not name.startswith("-"):
            inner = app[name]
            yield from (
                subcommands(inner, (*path, name)) if inner.default_command is None else [((*path, name), inner)]
            )


def command_names():
    return [" ".join(path) for path, _ in subcommands(commands)]


def _usage(path, arguments):
    places = [
        f"[{one.name}]" if not one.required else one.name for one in arguments if not one.name.startswith(("-", "*"))
    ]
    return " ".join([*path, *places, "[options]"])


def _option(argument):
    default = argument.field_info.default
    told = default in (None, False) or default is inspect.Parameter.empty
    shown = "required" if argument.required else "" if told else code(default)
    return [" ".join(map(code, argument.names)), shown, cell(argument.parameter.help or "")]


def cli():
    parts = []
    for path, app in subcommands(commands):
        arguments = [one for one in app.assemble_argument_collection(parse_docstring=True) if one.show]
        about = inspect.cleandoc(app.help).split("\n\nParameters\n")[0]
        lines = [f"### `{' '.join(path)}`", about, f"```text\n{_usage(path, arguments)}\n```"]
        if arguments:
            lines.append(
                table(["Option", "Default", "What it is"], [_option(one) for one in arguments if one.names != ("*",)])
            )
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


def error_classes():
    """Every error of Konversi's own, wherever it is defined."""
    for module in pkgutil.walk_packages(konversi.__path__, "konversi."):
        if not re.search(r"\.(migrations|sandbox|__main__)", module.name):
            with suppress(MissingExtra):  # an agent framework's adapter: it has no errors of its own
                importlib.import_module(module.name)
    found, left = {}, [KonversiError]
    while left:
        one = left.pop()
        left += one.__subclasses__()
        if one.__module__.startswith("konversi."):
            found.setdefault((one.code, one.status, one.title(), one.remedy()))
    return sorted(found)


def errors():
    rows = [[code(name), str(status), cell(title), cell(remedy)] for name, status, title, remedy in error_classes()]
    return table(["Code", "HTTP", "What happened", "What to do"], rows)


def faults():
    rows = [[code(name), "<br>".join(cell(text) for text in texts)] for name, texts in sorted(fault_codes().items())]
    return table(["Code", "The field ..."], rows)


def notes():
    rows = [[code(name), "<br>".join(cell(text) for text in texts)] for name, texts in sorted(note_codes().items())]
    return table(["Code", "Text"], rows)


_KINDS = {
    Kind.DELIVERED: "The events are delivered.",
    Kind.REFUSED: "A batch is halved; a single event is dead.",
    Kind.UNLINKED: "A batch is halved; a single event is tried again until its deadline.",
    Kind.PAUSED: "The lane stops, and looks again every five minutes. Its events keep their tries.",
    Kind.THROTTLED: "The lane rests for as long as Meta asks, and a minute at least.",
    Kind.FAILED: "Tried again.",
    Kind.UNCLEAR: "Tried again; from the third try in smaller batches; after twelve tries a single event is dead.",
    Kind.IN_DOUBT: "Sent again or held, as `KONVERSI_ON_IN_DOUBT` says.",
    Kind.NOT_SENT: "Tried again.",
}


def verdicts():
    about = remarks(Kind)
    rows = [[code(kind.value), cell(about.get(kind.name, "Meta received them")), _KINDS[kind]] for kind in Kind]
    return table(["Verdict", "Meaning", "What follows"], rows)


def answers():
    rows = [
        [str(number), str(subcode or ""), code(rule.kind.value), cell(f"{rule.means} {rule.remedy}")]
        for (number, subcode), rule in sorted(RULES.items(), key=lambda one: (one[0][0], one[0][1] or 0))
    ]
    return table(["Code", "Subcode", "Verdict", "What it means, and what to do"], rows)


def metric_families():
    counts = Counts(dict.fromkeys(State, 1), {"deliver": 1}, 0.0)
    lane = LaneReport("default|live|chat", {"delivered": 1}, {"delivered": 1}, 1.0, "closed", paused=False, cause="")
    webhooks = WebhookReport({("whatsapp", "webhook_unsigned"): 1}, 0, 0, {("midtrans", "accepted"): 1})
    shared = SharedReport(counts, {0: 1}, [{"rule": "token_fault", "severity": "error"}], 1.0)
    preparer = PreparerReport(runs=True, lists=1)
    process = ProcessReport(0, "everything", {("events", "2xx"): 1}, Commits(1, 1), [lane], webhooks, preparer)
    return list(text_string_to_metric_families(metrics(shared, process).decode()))


def metric_table():
    rows = []
    for family in metric_families():
        sample = family.samples[0]
        rows.append([code(sample.name), family.type, ", ".join(map(code, sample.labels)), cell(family.documentation)])
    return table(["Metric", "Type", "Labels", "What it says"], rows)


def _words(kind: type[StrEnum], row):
    about = remarks(kind)
    return [[code(one.value), *row(one), cell(about[one.name])] for one in kind]


def states():
    kind = lambda state: "a person is needed" if state in NEEDS_ATTENTION else "yes" if state in FINAL else ""
    return table(["State", "An end?", "Meaning"], _words(State, lambda state: [kind(state)]))


def steps():
    return table(["Step", "Meaning"], _words(Step, lambda _: []))


def transitions():
    rows = [[code(state.value), code(step.value), code(then.value)] for (state, step), then in TRANSITIONS.items()]
    return table(["From", "Step", "To"], rows)


def diagram():
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> waiting: accept"]
    lines += [f"    {state.value} --> {then.value}: {step.value}" for (state, step), then in TRANSITIONS.items()]
    return "\n".join([*lines, "    delivered --> [*]", "```"])


def matching():
    rows = [
        [code(key.about) if key.about else "", code(key.meta), "yes" if key.hashed else "", cell(key.words)]
        for key in KEYS
    ]
    return table(["Field", "Meta's key", "Hashed?", "Normal form"], rows)


def weights():
    rows = [[code(key), f"{weight:.2f}", f"{score((key,)):.1f}"] for key, weight in WEIGHTS.items()]
    return table(["Match key", "Weight", "Alone, of 10"], rows)


def names():
    rows = [
        [code(name), "yes" if name in STANDARD else "", code(MESSAGING_NAMES[name]) if name in MESSAGING_NAMES else ""]
        for name in sorted(STANDARD | MESSAGING)
    ]
    return table(["Name", "Standard event?", "In a chat that an ad opened"], rows)


def guide_types():
    return table(["`type`", "Event"], [[code(word), code(name)] for word, name in GUIDE_TYPES.items()])


def channels():
    rows = []
    for channel, source in ACTION_SOURCES.items():
        keys = MESSAGING_KEYS.get(channel)
        rows.append([code(channel), code(source), " and ".join(map(code, keys)) if keys else ""])
    rows.append(["(none)", code(DEFAULT_ACTION_SOURCE), ""])
    return table(["`channel`", "`action_source`", "`business_messaging` instead, with"], rows)


def left_out():
    rows = [
        ["`business_messaging`", ", ".join(map(code, sorted(NOT_IN_MESSAGING)))],
        ["everything else", ", ".join(map(code, sorted(ONLY_IN_MESSAGING)))],
    ]
    return table(["Action source", "Keys left out"], rows)


def paths():
    described = application(lambda: None, None)._inner.openapi()
    rows = [
        [code(f"{method.upper()} {path}"), cell(operation["summary"]), ", ".join(sorted(operation["responses"]))]
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]
    return table(["Address", "What it does", "Answers"], rows)


def _takes(schema):
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    choices = schema.get("anyOf")
    if choices:
        kinds = dict.fromkeys(_takes(one) for one in choices if one.get("type") != "null")
        kinds = {kind: None for kind in kinds if kind != "whole number" or "number" not in kinds}
        return " or ".join(kinds)
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_takes(schema['items'])}"
    return {"string": "text", "integer": "whole number"}.get(schema.get("type"), schema.get("type", "any"))


def _fields(model):
    schema = model.model_json_schema()
    about = remarks(model)
    rows = [
        [code(name), "required" if name in schema.get("required", []) else "", _takes(one), cell(about.get(name, ""))]
        for name, one in schema["properties"].items()
    ]
    return f"#### `{model.__name__}`\n\n" + table(["Field", "", "Takes", ""], rows)


def fields():
    return "\n\n".join(_fields(model) for model in (Conversion, Customer, Service, Click, Client))


def guide_fields():
    return "\n\n".join(_fields(model) for model in (GuideConversion, GuideService))
