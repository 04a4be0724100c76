"""What the OpenAPI description says beside what FastAPI reads from the code: problems, bodies, and the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from konversi.events.conversion import Conversion
from konversi.intake.guide import GuideConversion
from konversi.intake.http.problems import PROBLEM

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_MODELS: tuple[type[BaseModel], ...] = (Conversion, GuideConversion)

_PROBLEMS = {
    400: "Not valid JSON",
    401: "Needs an API key, or a call from this machine; a webhook needs its platform's signature or secret",
    403: "The key is not good for this; or the verify token is another one",
    404: "There is no such thing here",
    408: "The body did not arrive in time",
    409: "The event_id has other contents, or the state of things forbids it",
    413: "The body is too large",
    415: "Not a type of body that is taken here",
    422: "Refused: each field at fault, what is wrong with it, and what to do",
    503: "Not durable, so not accepted: try again after Retry-After",
}
_FAULT = {
    "type": "object",
    "required": ["field", "code", "detail", "remedy"],
    "properties": {"field": _TEXT, "code": _TEXT, "detail": _TEXT, "remedy": _TEXT},
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "An error as RFC 9457 has it.",
    "required": ["type", "title", "status", "code", "remedy"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": _TEXT,
        "remedy": _TEXT,
        "detail": _TEXT,
        "errors": {"type": "array", "items": _FAULT},
    },
}
_LIST = {
    "type": "object",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {
        "events": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"$ref": _REF.format(model="Conversion")}}
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers with a problem, for a route's `responses`."""
    content = {PROBLEM: {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": _PROBLEMS[status], "content": content} for status in (401, *statuses)}


def body(model: type[BaseModel], *, many: bool = False) -> dict[str, Any]:
    """A body that the route reads itself, for its `openapi_extra`."""
    one = {"$ref": _REF.format(model=model.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": {"oneOf": [one, _LIST]} if many else one}}
    if many:
        content["application/x-ndjson"] = {"schema": _TEXT}
    return {"requestBody": {"required": True, "content": content}}


def description(app: FastAPI, models: tuple[type[BaseModel], ...] = ()) -> dict[str, Any]:
    """The OpenAPI description."""
    described = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description="Calls need an API key; from the gateway's own machine only where KONVERSI_API_KEY is set.",
        routes=app.routes,
    )
    parts = described.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for model in (*_MODELS, *models):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas["Problem"] = _PROBLEM
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "KONVERSI_API_KEY, or an API key"}
    }
    described["security"] = [{"key": []}, {}]
    return described
