"""E-mail over TLS, against a real server with a certificate: STARTTLS and smtps, and nothing in the clear before."""

import base64
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_alerts_channels import BODY

from konversi.alerts.email import Mail
from konversi.alerts.webhook import AlertNotTold

ELSEWHERE = "127.0.0.2"  # this machine under an address for which no exception is made
USER, PASSWORD = "ops", "a-secret-of-the-mail-server"


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """Of the server, which the client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ELSEWHERE)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ELSEWHERE))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


class Server:
    """One call of SMTP. `clear` is what it was told before TLS, `sealed` what after."""

    def __init__(self, certificate, *, at_once=False, offers=True):
        self.clear, self.sealed = [], []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._at_once, self._offers = at_once, offers
        self.listening = socket.create_server((ELSEWHERE, 0))
        self.listening.settimeout(10)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(15)
        self.listening.close()
        assert not self._thread.is_alive()

    def url(self, scheme):
        return f"{scheme}://{USER}:{PASSWORD}@{ELSEWHERE}:{self.listening.getsockname()[1]}"

    def _serve(self):
        connection, _ = self.listening.accept()
        connection.settimeout(10)
        with contextlib.suppress(OSError):  # a client that doesn't trust the certificate hangs up
            if self._at_once:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.sendall(b"220 here\r\n")
            if self._at_once or self._talk(connection, self.clear):
                if not self._at_once:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self._talk(connection, self.sealed)
        connection.close()

    def _talk(self, connection, told):
        """Until the end, or until TLS is to begin: then whether it is."""
        with connection.makefile("rb") as lines:
            for line in lines:
                told.append(line.decode().strip())
                word = line.split()[0].upper()
                if word == b"STARTTLS":
                    connection.sendall(b"220 go on\r\n")
                    return True
                if word == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    told.append(b"".join(iter(lines.readline, b".\r\n")).decode())
                offer = b"250-STARTTLS\r\n" if told is self.clear and self._offers else b""
                answers = {b"EHLO": b"250-here\r\n" + offer + b"250 AUTH PLAIN\r\n", b"AUTH": b"235 fine\r\n"}
                connection.sendall(b"221 bye\r\n" if word == b"QUIT" else answers.get(word, b"250 fine\r\n"))
                if word == b"QUIT":
                    return False
        return False


def mail(url):
    return Mail(url, "konversi@example.com", ["ops@example.com"])


def said(told):
    """With what was logged in with in the clear."""
    return "\n".join(base64.b64decode(line[11:]).decode() if line.startswith("AUTH PLAIN ") else line for line in told)


async def test_starttls_comes_before_the_password_and_the_letter(certificate):
    with Server(certificate) as server:
        await mail(server.url("smtp")).tell("alert_1", BODY)
    assert [line.split()[0].upper() for line in server.clear] == ["EHLO", "STARTTLS"]
    assert PASSWORD in said(server.sealed)
    assert "Subject: [error] Konversi needs you: token_fault, dataset default" in said(server.sealed)


async def test_smtps_is_encrypted_from_the_start(certificate):
    with Server(certificate, at_once=True) as server:
        await mail(server.url("smtps")).tell("alert_1", BODY)
    assert server.clear == []
    assert "Konversi needs you" in said(server.sealed)


async def test_a_server_that_offers_no_tls_gets_neither_password_nor_letter(certificate):
    with Server(certificate, offers=False) as server, pytest.raises(AlertNotTold, match="SMTPNotSupportedError"):
        await mail(server.url("smtp")).tell("alert_1", BODY)
    assert PASSWORD not in said(server.clear)
    assert not any("Subject" in line for line in server.clear)


async def test_a_certificate_that_nobody_vouches_for_ends_it(certificate, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nobody.pem"))
    with Server(certificate) as server, pytest.raises(AlertNotTold, match="SSLCertVerificationError"):
        await mail(server.url("smtp")).tell("alert_1", BODY)
    assert server.sealed == []
