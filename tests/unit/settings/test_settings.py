"""Settings: where they come from, which wins, and what is refused."""

import os
from pathlib import Path

import pytest

from konversi import settings
from konversi.errors import InvalidSettings, TestCodeInProduction
from konversi.settings import Settings, load, secret_files, variable, world_readable

SECRET = "canary-secret-value-1234567890"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """An empty folder and an environment without a word of ours."""
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch):
    return monkeypatch.setenv


def write(name, text):
    Path(name).write_text(text, encoding="utf-8")


def test_nothing_set_gives_a_development_gateway_that_waits_for_credentials():
    found = load()
    assert (found.environment, found.configured, found.test_event_code) == ("development", False, "TEST12345")
    assert (found.host, found.port, found.default_country, found.default_currency) == ("127.0.0.1", 3000, "ID", "IDR")
    assert found.database == "sqlite:///.konversi/konversi.db"


VARIABLES = [
    ("META_AD_ACCOUNT_ID", "act_1234567", "ad_account_id", "act_1234567"),
    ("META_INSIGHTS_VERSION", "v25.0", "insights_version", "v25.0"),
    ("META_ACTION_TYPES", '{"payments": ["purchase"]}', "action_types", {"payments": ["purchase"]}),
    ("META_PIXEL_ID", "123456789", "pixel_id", "123456789"),
    ("META_DATASET_ID", "123456789", "pixel_id", "123456789"),
    ("META_TEST_EVENT_CODE", "TEST777", "test_code", "TEST777"),
    ("META_GRAPH_URL", "http://127.0.0.1:8090/", "graph_url", "http://127.0.0.1:8090"),
    ("META_API_VERSION", "v25.0", "api_version", "v25.0"),
    ("META_MESSAGING_NAMES", '{"Schedule":"QualifiedLead"}', "messaging_names", {"Schedule": "QualifiedLead"}),
    ("META_IG_ACCOUNT_KEY", "instagram_business_account_id", "ig_account_key", "instagram_business_account_id"),
    ("KONVERSI_AUDIT_DAYS", "90", "audit_days", 90),
    ("KONVERSI_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8", "trusted_proxies", "10.0.0.0/8, fd00::/8"),
    ("KONVERSI_ENV", "production", "environment", "production"),
    ("KONVERSI_ENV", " PROD ", "environment", "production"),
    ("KONVERSI_ENV", "dev", "environment", "development"),
    ("KONVERSI_HOST", "0.0.0.0", "host", "0.0.0.0"),
    ("KONVERSI_PORT", "0", "port", 0),
    ("KONVERSI_PREPARER", "off", "preparer", "off"),
    ("KONVERSI_DATABASE_URL", "sqlite:///x.db", "database_url", "sqlite:///x.db"),
    ("KONVERSI_DATABASE_URL", "postgresql://k@db/k", "database_url", "postgresql://k@db/k"),
    ("KONVERSI_DATABASE_URL", "postgres://k@db/k", "database_url", "postgresql://k@db/k"),
    ("KONVERSI_ONLY", "intake", "only", "intake"),
    ("KONVERSI_DEFAULT_COUNTRY", "sg", "default_country", "SG"),
    ("KONVERSI_DEFAULT_CURRENCY", "usd", "default_currency", "USD"),
    ("KONVERSI_ON_IN_DOUBT", "hold", "on_in_doubt", "hold"),
    ("KONVERSI_RETENTION_DAYS", "90", "retention_days", 90),
    ("KONVERSI_LOG_STYLE", "json", "log_style", "json"),
    ("KONVERSI_URL", "https://k.example/", "url", "https://k.example"),
    ("KONVERSI_PUBLIC_URL", "https://k.example/", "public_url", "https://k.example"),
    ("WHATSAPP_FORWARD_URL", "http://bot.example/hook/", "whatsapp_forward_url", "http://bot.example/hook/"),
    ("KONVERSI_ATTRIBUTION_DAYS", "14", "attribution_days", 14),
    ("KONVERSI_ATTRIBUTION", "first", "attribution_model", "first"),
    ("KONVERSI_JOURNEY_DAYS", "90", "journey_days", 90),
    ("KONVERSI_ALERT_WEBHOOK_URL", "https://ops.example/hook/", "alert_webhook_url", "https://ops.example/hook/"),
    ("KONVERSI_TRACES", "true", "traces", True),
    ("KONVERSI_ALERT_PRIVATE", "true", "alert_private", True),
    ("KONVERSI_ALERT_EMAIL_TO", "a@example.com,b@example.com", "alert_email_to", "a@example.com,b@example.com"),
    ("KONVERSI_ALERT_EMAIL_FROM", "k@example.com", "alert_email_from", "k@example.com"),
    ("KONVERSI_DELIVER_SECONDS", "0.5", "deliver_seconds", 0.5),
    ("KONVERSI_CRON_SECONDS", "20", "cron_seconds", 20.0),
    ("MIDTRANS_BOOKING_FIELD", "custom_field1, order_id", "midtrans_booking_field", "custom_field1, order_id"),
    ("XENDIT_BOOKING_FIELD", "metadata.order", "xendit_booking_field", "metadata.order"),
    ("STRIPE_BOOKING_FIELD", "client_reference_id", "stripe_booking_field", "client_reference_id"),
    ("KONVERSI_PART_PAYMENTS", "full", "part_payments", "full"),
    ("KONVERSI_CONSENT", "required", "consent", "required"),
    ("KONVERSI_STOP_WORDS", "STOP,HENTI", "stop_words", "STOP,HENTI"),
    ("KONVERSI_START_WORDS", "-", "start_words", "-"),
    ("KONVERSI_CUSTOMER_DAYS", "730", "customer_days", 730),
    ("KONVERSI_LIMITED_DATA_USE", "usa", "limited_data_use", "usa"),
    ("KONVERSI_FAILED_DAYS", "30", "failed_days", 30),
    ("KONVERSI_AGENT_DAYS", "60", "agent_days", 60),
    ("KONVERSI_PAYMENT_DAYS", "400", "payment_days", 400),
    ("KONVERSI_IMPORT_DAYS", "7", "import_days", 7),
    ("KONVERSI_CONSENT_DAYS", "1000", "consent_days", 1000),
    ("KONVERSI_VALUE_RULES", "value.toml", "value_rules", Path("value.toml")),
    ("KONVERSI_VALUE_LEARN_HOURS", "12", "value_learn_hours", 12),
    ("KONVERSI_CONSENT", "required", "consent", "required"),
    ("KONVERSI_STOP_WORDS", "HENTI, JANGAN KIRIM", "stop_words", "HENTI, JANGAN KIRIM"),
    ("KONVERSI_START_WORDS", "-", "start_words", "-"),
    ("KONVERSI_LIMITED_DATA_USE", "usa", "limited_data_use", "usa"),
    ("KONVERSI_FAILED_DAYS", "90", "failed_days", 90),
    ("KONVERSI_AGENT_DAYS", "60", "agent_days", 60),
    ("KONVERSI_PAYMENT_DAYS", "800", "payment_days", 800),
    ("KONVERSI_IMPORT_DAYS", "7", "import_days", 7),
    ("KONVERSI_CONSENT_DAYS", "3650", "consent_days", 3650),
]
PREFIXES = (
    "META_",
    "KONVERSI_",
    "WHATSAPP_",
    "MESSENGER_",
    "TWILIO_",
    "BAILEYS_",
    "CRON_",
    "MIDTRANS_",
    "XENDIT_",
    "STRIPE_",
)
SECRETS = {
    "META_ADS_TOKEN": "ads_token",
    "MIDTRANS_SERVER_KEY": "midtrans_server_key",
    "XENDIT_CALLBACK_TOKEN": "xendit_callback_token",
    "STRIPE_WEBHOOK_SECRET": "stripe_webhook_secret",
    "META_CONVERSION_API_TOKEN": "token",
    "META_APP_SECRET": "app_secret",
    "KONVERSI_API_KEY": "api_key",
    "KONVERSI_SECRET": "secret",
    "CRON_SECRET": "cron_secret",
    "WHATSAPP_VERIFY_TOKEN": "whatsapp_verify_token",
    "WHATSAPP_APP_SECRET": "whatsapp_app_secret",
    "MESSENGER_VERIFY_TOKEN": "messenger_verify_token",
    "MESSENGER_APP_SECRET": "messenger_app_secret",
    "TWILIO_AUTH_TOKEN": "twilio_auth_token",
    "BAILEYS_WEBHOOK_SECRET": "baileys_secret",
    "KONVERSI_ALERT_WEBHOOK_SECRET": "alert_webhook_secret",
    "KONVERSI_SMTP_URL": "smtp_url",
}


@pytest.mark.parametrize(("name", "text", "field", "value"), VARIABLES)
def test_each_variable_is_read(env, name, text, field, value):
    env(name, text)
    assert getattr(load(), field) == value


@pytest.mark.parametrize(("name", "field"), SECRETS.items())
def test_each_secret_is_read_and_never_printed(env, name, field):
    env(name, SECRET)
    found = load()
    assert getattr(found, field).get_secret_value() == SECRET
    assert SECRET not in repr(found)


def test_the_password_of_the_database_is_never_printed(env):
    env("KONVERSI_DATABASE_URL", f"postgresql://k:{SECRET}@db/k")
    found = load()
    assert found.shared
    assert SECRET in found.database
    assert SECRET not in repr(found)


def test_the_address_of_the_database_can_come_from_a_file(env):
    write("url.txt", f"postgres://k:{SECRET}@db/k\n")
    env("KONVERSI_DATABASE_URL_FILE", "url.txt")
    assert load().database == f"postgresql://k:{SECRET}@db/k"


@pytest.mark.parametrize(("name", "field"), SECRETS.items())
def test_each_secret_can_come_from_a_file(env, name, field):
    write("secret.txt", f"{SECRET}\n")
    env(f"{name}_FILE", "secret.txt")
    assert getattr(load(), field).get_secret_value() == SECRET
    assert name in secret_files()


def test_every_setting_is_covered_here():
    read = {field for _, _, field, _ in VARIABLES} | set(SECRETS.values())
    assert set(Settings.model_fields) - read == {"data_dir"}
    assert {*SECRETS, "KONVERSI_DATABASE_URL"} == set(secret_files())


def test_the_folder_of_the_data_holds_the_database(env):
    env("KONVERSI_DATA_DIR", "/srv/k")
    assert load().database == "sqlite:////srv/k/konversi.db"


def test_a_secret_file_may_be_named_in_the_env_file():
    write("secret.txt", SECRET)
    write(".env", "META_CONVERSION_API_TOKEN_FILE=secret.txt\n")
    assert load().token.get_secret_value() == SECRET


def test_the_variable_wins_over_its_file(env):
    write("secret.txt", "from the file")
    env("META_CONVERSION_API_TOKEN_FILE", "secret.txt")
    env("META_CONVERSION_API_TOKEN", SECRET)
    assert load().token.get_secret_value() == SECRET


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_file_that_can_not_be_read_is_named(env, content):
    if content:
        Path("secret.txt").write_bytes(content)
    env("KONVERSI_API_KEY_FILE", "secret.txt")
    with pytest.raises(InvalidSettings, match=r"KONVERSI_API_KEY_FILE.*secret\.txt"):
        load()


def test_env_local_wins_over_env_and_the_environment_over_both(env):
    write(".env", "META_PIXEL_ID=11111\nKONVERSI_PORT=1111\nKONVERSI_HOST=one\n")
    write(".env.local", "META_PIXEL_ID=22222\nKONVERSI_PORT=2222\n")
    env("META_PIXEL_ID", "33333")
    found = load()
    assert (found.pixel_id, found.port, found.host) == ("33333", 2222, "one")


@pytest.mark.parametrize(
    ("in_file", "in_environment"), [("META_PIXEL_ID", "META_DATASET_ID"), ("META_DATASET_ID", "META_PIXEL_ID")]
)
def test_the_environment_wins_under_either_name_of_the_pixel(env, in_file, in_environment):
    write(".env", f"{in_file}=11111\n")
    env(in_environment, "33333")
    assert load().pixel_id == "33333"


@pytest.mark.parametrize("name", ["META_PIXEL_ID", "META_DATASET_ID"])
def test_what_is_given_in_code_wins_over_everything(env, name):
    env(name, "33333")
    env("META_CONVERSION_API_TOKEN", "from-the-environment")
    found = load(pixel_id="44444", token="given", port=0)
    assert (found.pixel_id, found.token.get_secret_value(), found.port) == ("44444", "given", 0)
    assert load(pixel_id=None).pixel_id == "33333"


@pytest.mark.parametrize(
    "name", ["META_PIXEL_ID", "META_CONVERSION_API_TOKEN", "KONVERSI_PORT", "KONVERSI_ENV", "KONVERSI_URL"]
)
def test_an_empty_variable_is_as_good_as_none(env, name):
    write(".env", "META_PIXEL_ID=11111\n")
    env(name, "")
    found = load()
    assert (found.pixel_id, found.token, found.port, found.environment) == ("11111", None, 3000, "development")


@pytest.mark.parametrize("value", ["your_pixel_id_here", "YOUR_PIXEL_ID", " your_token "])
def test_the_setup_guides_placeholders_are_no_values(env, value):
    env("META_PIXEL_ID", value)
    env("META_CONVERSION_API_TOKEN", value)
    found = load()
    assert (found.pixel_id, found.token, found.configured) == (None, None, False)


def test_a_placeholder_in_the_env_file_does_not_hide_a_secret_file(env):
    write(".env", "META_CONVERSION_API_TOKEN=your_access_token_here\n")
    write("secret.txt", SECRET)
    env("META_CONVERSION_API_TOKEN_FILE", "secret.txt")
    assert load().token.get_secret_value() == SECRET


def test_space_around_a_secret_is_a_slip_of_the_hand(env):
    env("META_CONVERSION_API_TOKEN", f" {SECRET}\n")
    env("META_PIXEL_ID", " 12345 ")
    found = load()
    assert (found.token.get_secret_value(), found.pixel_id, found.configured) == (SECRET, "12345", True)


@pytest.mark.parametrize("value", [f"EAA {SECRET}", f"EAA…{SECRET}", f"{SECRET}\r\nx: y", f"“{SECRET}”"])
@pytest.mark.parametrize("name", ["META_CONVERSION_API_TOKEN", "KONVERSI_API_KEY"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(env, name, value):
    env(name, value)
    with pytest.raises(InvalidSettings, match=name) as caught:
        load()
    assert SECRET not in f"{caught.value} {caught.value!r}"


REFUSED = [
    ("META_PIXEL_ID", "12ab5"), ("META_PIXEL_ID", "123"), ("META_PIXEL_ID", "١٢٣٤٥٦"), ("META_TEST_EVENT_CODE", "a b"),
    ("META_TEST_EVENT_CODE", "a|b"), ("META_API_VERSION", "26"), ("META_GRAPH_URL", "graph.facebook.com"),
    ("META_GRAPH_URL", "ftp://x"), ("META_GRAPH_URL", "https://user:pass@graph.facebook.com"), ("META_GRAPH_URL", "https://"),
    ("META_MESSAGING_NAMES", "[]"), ("META_MESSAGING_NAMES", "{"), ("META_IG_ACCOUNT_KEY", "x"), ("KONVERSI_ENV", "staging"),
    ("KONVERSI_PORT", "70000"), ("KONVERSI_PORT", "-1"), ("KONVERSI_PORT", "many"), ("KONVERSI_DEFAULT_COUNTRY", "Indonesia"),
    ("KONVERSI_DEFAULT_CURRENCY", "Rp"), ("KONVERSI_ON_IN_DOUBT", "maybe"), ("KONVERSI_RETENTION_DAYS", "0"),
    ("KONVERSI_LOG_STYLE", "xml"), ("KONVERSI_URL", "k.example"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(env, name, text):
    env(name, text)
    with pytest.raises(InvalidSettings, match=name):
        load()


def test_all_bad_values_are_named_at_once(env):
    env("KONVERSI_PORT", "x")
    env("KONVERSI_ENV", "y")
    with pytest.raises(InvalidSettings, match=r"(?s)KONVERSI_ENV.*KONVERSI_PORT|KONVERSI_PORT.*KONVERSI_ENV"):
        load()


def test_a_test_code_in_production_is_refused(env):
    env("KONVERSI_ENV", "production")
    assert load().test_event_code is None
    env("META_TEST_EVENT_CODE", "TEST1")
    with pytest.raises(TestCodeInProduction):
        load()
    env("KONVERSI_ENV", "development")
    assert load().test_event_code == "TEST1"


def test_a_token_does_not_travel_in_the_clear_in_production(env):
    env("KONVERSI_ENV", "production")
    env("META_GRAPH_URL", "http://graph.facebook.com")
    with pytest.raises(InvalidSettings, match="https"):
        load()
    env("META_GRAPH_URL", "http://localhost:8090")
    assert load().graph_url == "http://localhost:8090"


def test_a_field_knows_its_variable():
    assert [variable(field) for field in ("pixel_id", "token", "url")] == [
        "META_PIXEL_ID",
        "META_CONVERSION_API_TOKEN",
        "KONVERSI_URL",
    ]
    assert all(variable(field).startswith(PREFIXES) for field in Settings.model_fields)


def test_every_setting_is_described():
    assert all(field.description and field.description.endswith(".") for field in Settings.model_fields.values())


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such bits")
def test_a_file_that_others_may_read_is_noticed(tmp_path):
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0o600)
    assert not world_readable(path)
    path.chmod(0o644)
    assert world_readable(path)


def test_unknown_variables_of_others_are_none_of_our_business(env):
    env("META_SOMETHING_ELSE", "x")
    write(".env", "NEXT_PUBLIC_THING=1\n")
    assert settings.load().pixel_id is None


def test_a_secret_file_of_the_environment_wins_over_the_value_in_a_file_of_settings(env, tmp_path):
    (tmp_path / "token").write_text("from-the-secret-file")
    write(".env.local", "META_CONVERSION_API_TOKEN=from-env-local")
    env("META_CONVERSION_API_TOKEN_FILE", str(tmp_path / "token"))
    assert load().token.get_secret_value() == "from-the-secret-file"


def test_a_placeholder_never_hides_the_value_of_the_next_source(env):
    write(".env", 'META_PIXEL_ID="111111111"')
    write(".env.local", 'META_PIXEL_ID="your_pixel_id_here"')
    env("META_PIXEL_ID", "your_production_pixel_id")
    assert load().pixel_id == "111111111"


def test_only_what_the_guide_writes_as_a_placeholder_is_taken_for_one(env):
    env("KONVERSI_API_KEY", "your_own_long_key")
    assert load().api_key.get_secret_value() == "your_own_long_key"


def test_a_setting_given_in_code_that_does_not_exist_is_a_slip_and_said(env):
    with pytest.raises(TypeError, match="on_indoubt"):
        load(on_indoubt="hold")


@pytest.mark.parametrize("content", [b"\xff\xfeM\x00", b"META_PIXEL_ID=\xe9"])
def test_a_file_of_settings_that_is_not_utf_8_is_refused_without_its_contents(content):
    Path(".env.local").write_bytes(content)
    with pytest.raises(InvalidSettings, match="UTF-8"):
        load()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "memory://", "mysql://x/y", "garbage"])
def test_a_database_that_keeps_nothing_or_is_not_known_is_refused(env, url):
    env("KONVERSI_DATABASE_URL", url)
    with pytest.raises(InvalidSettings, match="KONVERSI_DATABASE_URL"):
        load()


def test_a_country_that_does_not_exist_is_refused(env):
    env("KONVERSI_DEFAULT_COUNTRY", "ZZ")
    with pytest.raises(InvalidSettings, match="KONVERSI_DEFAULT_COUNTRY"):
        load()


def test_a_proxy_is_not_for_this_machine():
    assert settings.on_this_machine("http://localhost:3001")
    assert settings.on_this_machine("http://[::1]:3001/v26.0")
    assert not settings.on_this_machine("https://graph.facebook.com")
