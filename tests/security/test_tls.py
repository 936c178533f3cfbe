"""A server that cannot prove its name gets nothing: no login, no list, no recording."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from vendors.vendor_world import account

from obzvon.contacts.sources.connections import Endpoint
from obzvon.contacts.sources.http_pages import HttpSource, open_http
from obzvon.errors import ListError, NotSent, RecordingAbsent
from obzvon.recordings.audio import Audio
from obzvon.recordings.fetch import Downloads
from obzvon.recordings.store import Writer
from obzvon.vendors.auth import FixedToken
from obzvon.vendors.http import Patience, VendorSession


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1, good today, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
async def impostor(certificate: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and what it was asked."""
    asked = list[str]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response([])

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = TestServer(app, scheme="https", skip_url_asserts=True)
    await server.start_server(ssl=context)
    yield f"https://127.0.0.1:{server.port}", asked
    await server.close()


async def test_a_vendors_session_sends_it_nothing(impostor: tuple[str, list[str]]) -> None:
    url, asked = impostor
    async with VendorSession("twin", account(url), FixedToken("secret"), patience=Patience(attempts=1)) as http:
        with pytest.raises(NotSent, match="certificate is not trusted"):
            await http.send("POST", "/tasks", action="create", json={"phone": "79161234567"})
    assert asked == []


async def test_a_recording_is_not_fetched_from_it(impostor: tuple[str, list[str]]) -> None:
    url, asked = impostor

    async def login(refused: str | None = None) -> str | None:
        return "Bearer secret"

    async def opener(kind: Audio) -> Writer:
        raise AssertionError(kind)

    allowed = account(url, recording_private_hosts="127.0.0.1", recording_login_hosts=url.removeprefix("https://"))
    async with Downloads(allowed, login, limit=1 << 20, concurrency=1) as downloads:
        with pytest.raises(RecordingAbsent):
            await downloads.fetch(f"{url}/call.mp3", opener)
    assert asked == []


async def test_a_list_is_not_read_from_it(impostor: tuple[str, list[str]]) -> None:
    url, asked = impostor

    class Crm:
        def dsn(self, conn_id: str) -> str:
            raise AssertionError(conn_id)

        def endpoint(self, conn_id: str) -> Endpoint:
            return Endpoint(url, "login", "password")

    def read() -> None:
        with open_http(HttpSource(type="http", conn_id="crm", path="contacts"), Crm()) as table:
            list(table.rows)

    with pytest.raises(ListError, match="did not come"):
        await asyncio.to_thread(read)
    assert asked == []
