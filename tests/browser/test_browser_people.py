"""Coming in, going out, users and keys, as people meet them on a gateway in production."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from served import serving

WORDS = "correct horse battery"
OTHER_WORDS = "another horse battery"
WEAK = "aaaaaaaaaaaa"
SIZES = [(360, 740), (1280, 800)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the gateway keeps what it has, and its log."""
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def address(folder):
    """A gateway in production without a user."""
    with serving(folder, "http://127.0.0.1:9", KONVERSI_ENV="production") as served:
        yield served


@pytest.fixture(scope="module")
def link(folder, address):
    """The one-time link that it printed."""
    secret = re.search(r"/welcome\?link=(\S+)", (folder / "log").read_text())[1]
    return f"{address}/welcome?link={secret}"


@pytest.fixture(scope="module")
def sari(chromium, link):
    """The cookies of the first admin, who came by the link."""
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(link)
    fits_and_is_accessible(page)
    page.get_by_label("User name").fill("sari")
    page.get_by_label("Password").fill(WEAK)
    page.get_by_role("button", name="Begin").click()
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_label("User name").input_value() == "sari"
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile(r"/$"))
    yield context.storage_state()
    context.close()


def fits_and_is_accessible(page):
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def log_in(page, name, words):
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(words)
    page.get_by_role("button", name="Log in").click()


def panel(page, name):
    return page.locator(".panel", has=page.get_by_role("heading", name=re.compile(f"^{name}")))


def test_the_link_works_once(looking, link, sari):
    page = looking(answers=(410,))
    assert page.goto(link).status == 410
    assert "there is a user already" in page.locator("main").inner_text()
    fits_and_is_accessible(page)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_after_the_login_one_is_where_one_wanted_to_be(looking, address, sari, script):
    page = looking(java_script_enabled=script)
    page.goto(f"{address}/events?state=dead")
    assert page.locator("h1").inner_text() == "Log in"
    assert page.get_by_role("navigation", name="Pages").count() == 0
    log_in(page, "sari", WORDS)
    page.wait_for_url("**/events?state=dead")
    assert page.get_by_role("link", name="sari").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_password_is_said_and_the_name_kept(looking, address, sari, scheme):
    page = looking(answers=(403,), color_scheme=scheme)
    page.goto(f"{address}/login")
    fits_and_is_accessible(page)
    log_in(page, "sari", "not the password")
    assert "do not belong together" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("User name").input_value() == "sari"
    assert page.evaluate("document.activeElement.name") == "password"
    fits_and_is_accessible(page)


def test_who_tries_too_often_is_told_how_long_to_wait(looking, address, sari):
    page = looking(answers=(403, 429))
    page.goto(f"{address}/login")
    for _ in range(6):
        log_in(page, "nobody", "not the password")
        page.wait_for_url("**/login")
    said = page.get_by_role("alert").inner_text()
    assert said.startswith("There were too many tries to log in.")
    assert re.search(r"\b1[45] min\b", said)


def test_a_keyboard_is_enough_to_come_in_and_go_out(looking, address, sari):
    page = looking(viewport={"width": 360, "height": 740})
    page.goto(f"{address}/account")
    page.locator("[name=name]:focus").wait_for()  # a busy browser gives it after the page has loaded
    page.keyboard.type("sari")
    page.keyboard.press("Tab")
    page.keyboard.type(WORDS)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Log out":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    page.goto(address)
    assert page.locator("h1").inner_text() == "Log in"


def test_the_account_is_a_tap_away_on_a_phone_with_the_menu_open_too(looking, address, sari):
    page = looking(viewport={"width": 360, "height": 740}, storage_state=sari)
    page.goto(address)
    page.locator(".menu summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="sari").click()
    page.wait_for_url("**/account")


def test_other_sessions_are_ended_and_a_password_changed(looking, address, sari):
    here, elsewhere = looking(storage_state=sari), looking()
    users_page(here, address)
    add(here, "wayan", WORDS, "operator")
    elsewhere.goto(address)
    log_in(elsewhere, "wayan", WORDS)
    page = looking(answers=(403,))
    page.goto(f"{address}/account")
    log_in(page, "wayan", WORDS)
    assert page.locator(".keys li").count() == 2
    fits_and_is_accessible(page)
    page.get_by_role("button", name="End it").click()
    page.get_by_role("status").wait_for()
    assert page.locator(".keys li").count() == 1
    elsewhere.goto(address)
    assert elsewhere.locator("h1").inner_text() == "Log in"
    page.get_by_label("Password until now").fill("not the password")
    page.get_by_label("New password").fill(OTHER_WORDS)
    page.get_by_role("button", name="Change it").click()
    assert page.get_by_role("alert").count() == 1
    page.get_by_label("Password until now").fill(WORDS)
    page.get_by_label("New password").fill(OTHER_WORDS)
    page.get_by_role("button", name="Change it").click()
    assert "The password is changed" in page.get_by_role("status").inner_text()


def users_page(page, address):
    page.goto(f"{address}/system")
    page.get_by_role("link", name="Users").click()
    page.wait_for_url("**/users")


def add(page, name, words, role):
    form = panel(page, "Add a user")
    form.get_by_label("User name").fill(name)
    form.get_by_label("Password").fill(words)
    form.get_by_label("Role").select_option(role)
    form.get_by_role("button").click()


@pytest.mark.parametrize(("scheme", "name"), [("light", "budi"), ("dark", "ketut")])
def test_a_user_is_added_given_a_role_and_removed(looking, address, sari, scheme, name):
    page = looking(viewport={"width": 360, "height": 740}, color_scheme=scheme, storage_state=sari, answers=(422,))
    users_page(page, address)
    add(page, name, WEAK, "viewer")
    assert page.get_by_role("alert").count() == 1
    add(page, name, WORDS, "viewer")
    page.wait_for_url("**done=added")
    user = panel(page, name)
    user.locator("select").select_option("operator")
    user.get_by_role("button", name="Give this role").click()
    page.wait_for_url("**done=role")
    assert user.locator("select").input_value() == "operator"
    user.get_by_text("Remove", exact=True).click()
    fits_and_is_accessible(page)
    user.get_by_role("button", name=f"Remove {name}").click()
    page.wait_for_url("**done=remove")
    assert user.count() == 0


def test_the_last_admin_stays(looking, address, sari):
    page = looking(storage_state=sari, answers=(409, 422))
    users_page(page, address)
    panel(page, "sari").get_by_text("Remove", exact=True).click()
    panel(page, "sari").get_by_role("button", name="Remove sari").click()
    assert "admin" in page.get_by_role("alert").inner_text()
    assert panel(page, "sari").count() == 1


@pytest.mark.parametrize(("scheme", "name"), [("light", "booking bot"), ("dark", "till")])
def test_a_key_is_shown_once_and_revoked(looking, address, sari, scheme, name):
    page = looking(viewport={"width": 360, "height": 740}, color_scheme=scheme, storage_state=sari)
    page.goto(f"{address}/datasets")
    page.get_by_label("What is it for?").fill(name)
    page.get_by_role("button", name="Create a key").click()
    secret = page.locator("#key").inner_text()
    fits_and_is_accessible(page)
    page.get_by_role("link", name="I have it").click()
    page.wait_for_url("**/datasets#keys")
    assert page.get_by_role("row", name=name).count() == 1
    assert secret not in page.content()
    fits_and_is_accessible(page)
    page.get_by_role("button", name=f"Revoke {name}").click()
    page.wait_for_url("**done=revoked#keys")
    assert page.get_by_role("row", name=name).count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/system", "/audit", "/datasets", "/users", "/account", "/value"])
def test_what_an_admin_sees_fits_phone_and_desk_and_is_accessible(looking, address, sari, path, scheme):
    page = looking(color_scheme=scheme, storage_state=sari)
    assert page.goto(address + path).status == 200
    assert page.get_by_role("link", name="sari").count() == 1
    fits_and_is_accessible(page)


def test_a_viewer_is_shown_nothing_that_only_others_may_do(looking, address, sari):
    page = looking(storage_state=sari)
    users_page(page, address)
    add(page, "made", WORDS, "viewer")
    page.wait_for_url("**done=added")
    page = looking(answers=(403,))
    page.goto(f"{address}/datasets")
    log_in(page, "made", WORDS)
    page.wait_for_url("**/datasets")
    assert page.get_by_role("button", name="Check now").count() == 0
    assert page.get_by_role("heading", name="API keys").count() == 0
    page.goto(f"{address}/system")
    assert page.get_by_role("link", name="Users").count() == 0
    assert page.goto(f"{address}/users").status == 403
    assert "role does not allow" in page.locator("main").inner_text()
    fits_and_is_accessible(page)
