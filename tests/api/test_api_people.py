"""Who may look: each page with each role, the login, its cookie, keys with a scope, and what is kept of changes."""

from __future__ import annotations

import pytest
from api_harness import EVENTS, is_problem, lead, running

from konversi.access.machine import signed
from konversi.access.roles import Role, Scope, allows
from konversi.dashboard import pages
from konversi.dashboard.roles import needed
from konversi.settings import load

WORDS = "correct horse battery"
OUTSIDE = {"x-forwarded-for": "203.0.113.9", "host": "gateway.example", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """In production, with a user of each role."""
    settings = load(
        pixel_id="123456789012345", token="EAAx", data_dir=tmp_path_factory.mktemp("people"), environment="production"
    )
    with running(settings) as server:
        for role in Role:
            server.call(server.gateway.entrance.users.add(role.value, WORDS, role))
        yield server


def log_in(client, name, **more):
    return client.post("/login", data={"name": name, "password": WORDS, **more})


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0]


@pytest.fixture(scope="module")
def cookies(gateway):
    with gateway.client(headers=OUTSIDE) as client:
        return {role: cookie_of(log_in(client, role.value)) for role in Role}


ROUTES = sorted(
    (method, route.path)
    for route in pages()
    for method in route.methods - {"HEAD"}
    if route.path not in ("/static/{name}", "/logout", "/tail/stream", "/login", "/welcome", "/language")
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_page_lets_in_the_roles_that_it_says(gateway, cookies, method, path):
    address = path.replace("{receipt}", "rc_9").replace("{journey}", "jn_9")
    needs = needed("/" if path == "/overview.json" else path.removesuffix(".json"))
    with gateway.client(headers=OUTSIDE) as client:
        for role, cookie in cookies.items():
            answer = client.request(method, address, headers={"cookie": cookie})
            refused = answer.status_code == 403 and "role does not allow" in answer.text
            assert refused == (not allows(role, needs)), role
        nobody = client.request(method, address)
    if path.endswith(".json"):
        is_problem(nobody, status=401, code="login_needed")
    else:
        assert nobody.status_code == 303
        assert nobody.headers["location"].startswith("/login")


def test_the_cookie_is_for_this_host_alone_and_out_of_reach_for_scripts(gateway):
    with gateway.client(headers=OUTSIDE) as client:
        given = log_in(client, "viewer").headers["set-cookie"]
    name, *rules = given.split("; ")
    assert name.startswith("__Host-konversi=")
    assert set(rules) == {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"}


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("/events?state=dead", "/events?state=dead"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\e", "/"),
    ],
)
def test_after_the_login_one_is_at_the_page_that_was_asked_for_and_never_elsewhere(gateway, asked, to):
    with gateway.client(headers=OUTSIDE) as client:
        assert log_in(client, "viewer", next=asked).headers["location"] == to


def test_a_login_that_another_site_sends_is_refused(gateway):
    with gateway.client(headers={**OUTSIDE, "sec-fetch-site": "cross-site"}) as client:
        answer = log_in(client, "viewer")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_key_beside_a_cookie_is_no_way_around_the_check_of_forms(gateway, cookies):
    foreign = {"cookie": cookies[Role.ADMIN], "authorization": "Bearer x"}
    with gateway.client() as client:
        assert client.post("/users/add", data={"name": "evil"}, headers=foreign).status_code == 403


def test_a_logout_ends_the_session_and_takes_the_cookie_back(gateway):
    with gateway.client(headers=OUTSIDE) as client:
        cookie = {"cookie": cookie_of(log_in(client, "viewer"))}
        assert client.get("/events", headers=cookie).status_code == 200
        gone = client.post("/logout", headers=cookie)
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert client.get("/events", headers=cookie).status_code == 303


def test_a_cookie_by_the_name_for_development_opens_nothing_in_production(gateway, cookies):
    planted = cookies[Role.ADMIN].replace("__Host-", "")
    with gateway.client() as client:
        assert client.get("/events", headers={"cookie": planted}).status_code == 303


def test_on_this_machine_production_needs_a_login_as_well_and_development_none(gateway, settings):
    with gateway.client() as client:
        assert client.get("/events").headers["location"] == "/login?next=%2Fevents"
        assert client.post(EVENTS, json=lead()).status_code == 202
        is_problem(client.get("/v1/keys"), status=401)
    with running(settings()) as server, server.client() as client:
        assert client.get("/events").status_code == 200
        assert client.get("/v1/keys").status_code == 200


DOORS = [("POST", EVENTS, Scope.SEND), ("GET", EVENTS, Scope.READ), ("GET", "/v1/audit", Scope.ADMIN)]


@pytest.mark.parametrize("scope", Scope)
def test_a_key_opens_what_its_scope_says(gateway, scope):
    secret, key = gateway.call(gateway.gateway.entrance.keys.create("test", scope))
    with gateway.client(headers={"authorization": f"Bearer {secret}", "x-forwarded-for": "203.0.113.9"}) as client:
        for method, path, needs in DOORS:
            answer = client.request(method, path, json=lead() if method == "POST" else None)
            assert answer.is_success == (scope in (Scope.ADMIN, needs)), path
        page = client.get("/system.json").status_code
        assert page == (403 if scope is Scope.SEND else 200)
        gateway.call(gateway.gateway.entrance.keys.revoke(key.id))
        is_problem(client.get(EVENTS), status=401)


def test_a_command_that_can_read_the_secret_may_rule(gateway):
    entrance = gateway.gateway.entrance
    for age, status in [(0, 200), (120, 401)]:
        sent = signed(entrance.secrets[0], entrance.now() - age)
        with gateway.client(headers={"authorization": f"Bearer {sent}"}) as client:
            assert client.get("/v1/users").status_code == status


def test_changes_are_kept_with_who_made_them_and_nothing_secret(gateway, cookies, caplog):
    with gateway.client(headers={**OUTSIDE, "cookie": cookies[Role.ADMIN]}) as client:
        made = client.post("/keys/create", data={"name": "audited bot", "scope": "read"})
        secret = made.text.partition('<code id="key">')[2].partition("<")[0]
        assert secret.startswith("kv_")
        client.post("/users/add", data={"name": "budi", "password": "another long secret", "role": "viewer"})
        client.post("/login", data={"name": "budi", "password": "not the right secret"}, headers={"cookie": ""})
        kept = client.get("/audit.json").text
        changes = client.get("/audit.json").json()["changes"]
        shown = [client.get(path).text for path in ("/audit", "/datasets", "/system", "/users", "/datasets.json")]
    found = {(row["action"], row["actor"], row["address"]) for row in changes}
    assert {
        ("key_created", "admin", "203.0.113.9"),
        ("user_added", "admin", "203.0.113.9"),
        ("login_failed", "", "203.0.113.9"),
    } <= found
    for hidden in (secret, "another long secret", "not the right secret", WORDS, "argon2"):
        assert hidden not in kept
        assert hidden not in caplog.text
        assert not any(hidden in text for text in shown)
