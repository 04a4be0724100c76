"""`/docs`: the OpenAPI description as a plain page that needs no script and nothing from elsewhere. Pure."""

from __future__ import annotations

from html import escape
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


def page(openapi: dict[str, Any]) -> str:
    """The whole page."""
    info = openapi["info"]
    operations = [
        _operation(method, path, item[method])
        for path, item in openapi["paths"].items()
        for method in _METHODS
        if method in item
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title></head><body><main>"
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1><p>{escape(info.get('summary', ''))}</p>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
        + "".join(operations)
        + "<section><h2>Bodies</h2>"
        + "".join(_fields(name, schema) for name, schema in openapi["components"]["schemas"].items())
        + "</section></main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    bodies = operation.get("requestBody", {}).get("content", {})
    body = "".join(
        f"<h3>Body, {escape(kind)}</h3><p>{escape(_kind(content.get('schema', {})))}</p>"
        for kind, content in bodies.items()
    )
    answers = "".join(
        f"<li><b>{escape(status)}</b> {escape(answer.get('description', ''))}</li>"
        for status, answer in operation.get("responses", {}).items()
    )
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p><b>{escape(operation.get('summary', ''))}</b></p><p>{escape(operation.get('description', ''))}</p>"
        f"{_parameters(operation.get('parameters', []))}{body}<h3>Answers</h3><ul>{answers}</ul></section>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(_kind(one.get('schema', {})))}</td></tr>"
        for one in parameters
    )
    return f"<h3>Parameters</h3><table><tr><th>name</th><th>in</th><th>takes</th></tr>{rows}</table>"


def _fields(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{'required' if field in required else ''}</td>"
        f"<td>{escape(_kind(described))}</td></tr>"
        for field, described in schema.get("properties", {}).items()
    )
    about = f"<p>{escape(schema['description'])}</p>" if schema.get("description") else ""
    if "enum" in schema:
        return f'<h3 id="{escape(name)}">{escape(name)}</h3>{about}<p>One of: {escape(_kind(schema))}</p>'
    return (
        f'<h3 id="{escape(name)}">{escape(name)}</h3>{about}'
        f"<table><tr><th>field</th><th></th><th>takes</th></tr>{rows}</table>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices:
        return " or ".join(dict.fromkeys(_kind(one) for one in choices if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and "properties" in schema:
        return "; ".join(f"{name}: {_kind(inner)}" for name, inner in schema["properties"].items())
    return str(schema.get("type", "any"))
