from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.intake.signatures import same_secret, signed_by_meta, signed_by_twilio

OF_META = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"  # secret "secret", body "test"

# The example of Twilio's own documentation.
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
OF_TWILIO = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
OF_TWILIO_JSON = "a9nBmqA0ju/hNViExpshrM61xv4="


def test_meta_signs_the_raw_bytes():
    assert signed_by_meta("secret", b"test", OF_META)
    assert not signed_by_meta("secret", b"test ", OF_META)
    assert not signed_by_meta("Secret", b"test", OF_META)


@pytest.mark.parametrize("header", ["sha256=" + OF_META[7:].upper(), "SHA256=" + OF_META[7:], f" {OF_META} "])
def test_case_and_space_around_a_signature_do_not_matter(header):
    assert signed_by_meta("secret", b"test", header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        OF_META[7:],
        "sha1=" + OF_META[7:],
        OF_META[:-1],
        OF_META + "0",
        OF_META[:-2] + " 4",
        OF_META + "\nx",
        "sha256=" + "é" * 64,
        "sha256=" + "０" * 64,
        "\ud83d",
    ],
)
def test_a_malformed_signature_is_none(header):
    assert not signed_by_meta("secret", b"test", header)


def test_emoji_and_escapes_are_signed_as_they_came():
    for body in ('{"t":"Halo 😊"}'.encode(), b'{"t":"Halo \\ud83d\\ude0a"}'):
        header = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
        assert signed_by_meta("secret", body, header)


def test_the_old_and_the_new_secret_hold_while_one_replaces_the_other():
    assert signed_by_meta("new, secret", b"test", OF_META)
    assert signed_by_twilio(f"{TOKEN},new", URL, FORM, OF_TWILIO)


@pytest.mark.parametrize("secret", ["", " ", ",", " , "])
def test_without_a_secret_nothing_is_signed(secret):
    nobody = "sha256=" + hmac.new(b"", b"test", hashlib.sha256).hexdigest()
    assert not signed_by_meta(secret, b"test", nobody)
    assert not signed_by_twilio(secret, URL, FORM, OF_TWILIO)


def test_twilio_signs_address_and_form():
    assert signed_by_twilio(TOKEN, URL, FORM, OF_TWILIO)
    assert not signed_by_twilio("54321", URL, FORM, OF_TWILIO)
    assert not signed_by_twilio(TOKEN, URL, {**FORM, "Digits": "1235"}, OF_TWILIO)
    assert not signed_by_twilio(TOKEN, URL.replace("foo=1", "foo=2"), FORM, OF_TWILIO)


@pytest.mark.parametrize("host", ["mycompany.com:443", "mycompany.com:8443"])
def test_a_port_in_the_address_does_not_matter(host):
    assert signed_by_twilio(TOKEN, URL.replace("mycompany.com", host), FORM, OF_TWILIO)


def test_twilio_may_sign_the_port_that_the_address_lacks():
    signed = URL.replace("mycompany.com", "mycompany.com:443") + "".join(k + v for k, v in sorted(FORM.items()))
    import base64

    header = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    assert signed_by_twilio(TOKEN, URL, FORM, header)


def test_the_form_can_come_in_any_order_and_as_pairs():
    pairs = list(reversed(FORM.items()))
    assert signed_by_twilio(TOKEN, URL, pairs, OF_TWILIO)
    assert signed_by_twilio(TOKEN, URL, [*pairs, pairs[0]], OF_TWILIO)


def test_a_json_body_is_signed_through_its_hash_in_the_address():
    assert signed_by_twilio(TOKEN, JSON_URL, {}, OF_TWILIO_JSON, JSON_BODY)
    assert not signed_by_twilio(TOKEN, JSON_URL, {}, OF_TWILIO_JSON, JSON_BODY + b" ")


def test_a_body_that_nothing_signs_is_refused():
    import base64

    header = base64.b64encode(hmac.new(TOKEN.encode(), URL.encode(), hashlib.sha1).digest()).decode()
    assert signed_by_twilio(TOKEN, URL, {}, header)
    assert not signed_by_twilio(TOKEN, URL, {}, header, b'{"forged": true}')


@pytest.mark.parametrize("header", [None, "", "RSOYDt4T1cUTdK1PDd93", "é", "\ud83d"])
def test_a_malformed_signature_of_twilio_is_none(header):
    assert not signed_by_twilio(TOKEN, URL, FORM, header)


@pytest.mark.parametrize("url", ["", "https://[::1", "https://mycompany.com:port/", "//", "\ud83d"])
def test_a_malformed_address_is_signed_by_nobody(url):
    assert not signed_by_twilio(TOKEN, url, FORM, OF_TWILIO)
    assert not signed_by_twilio(TOKEN, url, {}, OF_TWILIO, b"{}")


def test_a_shared_secret_must_be_the_same():
    assert same_secret("k-123", "k-123")
    for given_ in (None, "", "k-12", "k-1234", "K-123", "k-123,", "\ud83d"):
        assert not same_secret("k-123", given_)


def test_an_empty_secret_is_nobodys():
    assert not same_secret("", "")
    assert not same_secret("", None)


@given(st.text(), st.binary(), st.text(), st.dictionaries(st.text(), st.text()), st.text())
def test_nothing_raises_whatever_is_given(secret, body, url, params, header):
    assert not signed_by_meta(secret, body, header)
    assert not signed_by_twilio(secret, url, params, header, body)
    assert same_secret(secret, secret) == bool(secret)
