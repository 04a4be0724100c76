"""As `test_api_storage.py`, over PostgreSQL."""

import pytest
from api_chats import SECRETS, WHATSAPP, now, signature
from api_harness import EVENTS, GUIDE, booking, is_problem, lead, running
from sqlalchemy.engine import make_url
from test_api_storage import *

from konversi.database import postgres_threads
from konversi.intake.whatsapp import samples
from postgres import server

# SQLite's lock; PostgreSQL's are in tests/contract
del (
    test_a_real_database_that_is_locked_by_somebody_else_is_said_to_be_unavailable,
    test_a_conversion_is_said_to_have_failed_only_where_it_is_not_kept,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")


def _webhook(http):
    call = samples.message(
        "ad-click", message_id="wamid.1", at=now(), phone="+628123456789", user_id="ID.1", click_id="Aff-1"
    )
    body = samples.as_sent(call)
    return http.post(WHATSAPP, content=body, headers={"x-hub-signature-256": signature(body)})


CALLS = {
    "event": lambda http: http.post(EVENTS, json=lead(booking_id="BK-1")),
    "guide": lambda http: http.post(GUIDE, json=booking(bookingId="BK-2")),
    "webhook": _webhook,
    "events": lambda http: http.get(EVENTS),
    "journeys": lambda http: http.get("/v1/journeys"),
    "status": lambda http: http.get("/v1/status"),
    "metrics": lambda http: http.get("/metrics"),
}


def test_while_postgres_lets_nobody_in_every_door_says_so_and_afterwards_all_are_open(
    settings, on_postgres, monkeypatch
):
    monkeypatch.setattr(postgres_threads, "_REST_SECONDS", 0.0)
    given = settings(**SECRETS)
    name = make_url(on_postgres.instead(given).database_url).database
    with running(given) as one, one.client() as http:
        answers = {door: call(http).status_code for door, call in CALLS.items()}
        assert set(answers.values()) <= {200, 202}, answers
        server().execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            for _ in range(3):
                for call in CALLS.values():
                    response = call(http)
                    is_problem(response, status=503, code="storage_unavailable")
                    assert int(response.headers["retry-after"]) > 0
            assert (http.get("/healthz").status_code, http.get("/readyz").status_code) == (200, 503)
        finally:
            server().execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert {door: call(http).status_code for door, call in CALLS.items()} == answers
        assert http.get("/readyz").status_code == 200
