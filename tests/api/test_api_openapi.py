"""The description of the doors, and that the doors keep to it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import schemathesis
from api_harness import EVENTS, GUIDE, PIXEL, TOKEN, FakeMeta, lead, running
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from konversi.intake.http.app import application
from konversi.sandbox import Sandbox
from konversi.settings import load

not_a_server_error = schemathesis.checks.not_a_server_error
DESCRIPTION = application(None, None)._inner.openapi()  # type: ignore[arg-type]
WEBHOOK_SECRETS = (
    "whatsapp_app_secret", "whatsapp_verify_token", "messenger_app_secret", "messenger_verify_token",
    "twilio_auth_token", "baileys_secret", "midtrans_server_key", "xendit_callback_token", "stripe_webhook_secret",
)  # fmt: skip
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@schemathesis.serializer("application/x-ndjson", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def lines(_context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    with Sandbox() as graph:
        secrets = dict.fromkeys(WEBHOOK_SECRETS, "s")
        given = load(pixel_id=PIXEL, token=TOKEN, data_dir=folder, graph_url=graph.graph_url, **secrets)
        with running(given, meta=FakeMeta()) as one:
            with one.client() as http:
                http.post(EVENTS, json=lead())
            yield one


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_door_keeps_to_its_description(case, server):
    response = case.call(base_url=server.url, timeout=5)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    case.validate_response(response, checks=checks)


def test_the_description_that_is_served_is_this_one(server):
    with server.client() as http:
        assert http.get("/openapi.json").json() == DESCRIPTION


def test_the_description_is_valid_openapi():
    assert DESCRIPTION["openapi"].startswith("3.1")
    schema.validate()


def references(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_reference_leads_somewhere():
    found = set(references(DESCRIPTION))
    assert "#/components/schemas/Conversion" in found
    for reference in found:
        part = DESCRIPTION
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def test_the_description_knows_every_door_and_each_field():
    assert set(DESCRIPTION["paths"]) == {
        GUIDE, EVENTS, f"{EVENTS}/{{receipt}}", f"{EVENTS}/{{receipt}}/replay", f"{EVENTS}/{{receipt}}/discard", f"{EVENTS}/decide",
        "/v1/datasets", "/v1/datasets/{dataset}", "/v1/datasets/{dataset}/check", "/v1/datasets/{dataset}/accounts",
        "/v1/accounts/{account}/dataset", "/v1/journeys", "/v1/journeys/{journey}", "/v1/funnel", "/v1/imports", "/v1/imports/{number}",
        "/v1/imports/{number}/start", "/v1/imports/{number}/result.csv", "/v1/spend/sync", "/v1/value", "/v1/value/dry-run", "/v1/value/learn", "/v1/custom-conversions", "/v1/return", "/v1/tail", "/v1/payments", "/v1/payments/{payment}", "/v1/agent/turns", "/v1/agent/records",
        "/internal/deliver",
        "/v1/alerts", "/v1/consents", "/v1/consents/show", "/v1/erasures", "/v1/erasures/{erasure}", "/v1/erasures/lift", "/v1/exports", "/v1/audit", "/v1/keys", "/v1/keys/{key}", "/v1/users", "/v1/users/{name}",
        "/webhooks/whatsapp", "/webhooks/messenger", "/webhooks/twilio", "/webhooks/baileys",
        "/webhooks/midtrans", "/webhooks/xendit", "/webhooks/stripe", "/v1/status", "/healthz", "/readyz", "/metrics",
    }  # fmt: skip
    schemas = DESCRIPTION["components"]["schemas"]
    assert {"event", "event_id", "booking_id", "customer", "value", "click"} <= set(schemas["Conversion"]["properties"])
    assert {"type", "customerPhone", "totalValue", "bookingId"} <= set(schemas["GuideConversion"]["properties"])


@pytest.mark.parametrize(
    "operation",
    [(path, method) for path, item in DESCRIPTION["paths"].items() for method in item],
    ids=lambda given: " ".join(given),
)
def test_every_refusal_is_described_as_a_problem(operation):
    path, method = operation
    described = DESCRIPTION["paths"][path][method]
    assert described["summary"]
    for status, answer in described["responses"].items():
        if status.startswith("4"):
            assert list(answer["content"]) == ["application/problem+json"], (operation, status)
    if path not in {"/healthz", "/readyz"}:
        assert "401" in described["responses"]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href", "action", "data", "srcset"}]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_needs_nothing_from_elsewhere_and_no_script(server):
    with server.client() as http:
        response = http.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(response.text)
    assert not {"script", "iframe", "object", "embed", "base", "form", "style", "link", "img"} & set(page.tags)
    assert page.addresses
    assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in page.addresses)


def test_the_page_may_load_nothing(server):
    with server.client() as http:
        headers = http.get("/docs").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_names_every_door_and_each_field_of_its_body(server):
    with server.client() as http:
        text = http.get("/docs").text
    words = " ".join(Page(text).words)
    for path, item in DESCRIPTION["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in words
    for field in ("customerPhone", "totalValue", "booking_id", "ctwa_clid", "whatsapp_business_account_id", "reason"):
        assert field in words
    assert not re.search(r"\bNone\b|\{'", words)
