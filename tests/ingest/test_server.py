"""uvicorn as an actor: slow and endless clients, stopping, failing to start."""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import SocketStream

from daemon.errors import ConfigurationError
from daemon.ingest.intake import Intake
from daemon.ingest.protocol import BoundedProtocol
from daemon.ingest.server import WebServer, listen
from daemon.settings.schema import IngestSettings
from tests.ingest.serving import Serving, basic, serving, start, track

pytestmark = pytest.mark.anyio


async def heard(stream: SocketStream) -> bytes:
    """All that is said until the other side hangs up."""
    said = b""
    try:
        with anyio.fail_after(10):
            while True:
                said += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return said


async def still_serves(served: Serving) -> bool:
    return (await served.post("/v1/track", track(), basic())).status_code == 200


async def test_a_head_that_does_not_end_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.3)
    async with serving() as served:
        for beginning in (b"", b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Slow: "):
            async with await anyio.connect_tcp("127.0.0.1", served.port) as stream:
                if beginning:
                    await stream.send(beginning)
                assert await heard(stream) == b""
        assert await still_serves(served)


async def test_a_second_head_on_one_connection_is_bounded_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.3)
    async with serving() as served, await anyio.connect_tcp("127.0.0.1", served.port) as stream:
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.receive()
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost:")
        assert await heard(stream) == b""


async def test_an_endless_head_is_hung_up_on() -> None:
    async with serving() as served:
        async with await anyio.connect_tcp("127.0.0.1", served.port) as stream:
            with pytest.raises(anyio.BrokenResourceError):  # noqa: PT012 -- some write will fail
                await stream.send(b"GET / HTTP/1.1\r\n")
                for _ in range(2000):
                    await stream.send(b"X-Filler: " + b"y" * 1000 + b"\r\n")
                    await anyio.lowlevel.checkpoint()
        assert await still_serves(served)


async def test_a_slow_body_is_answered_408_and_hung_up_on() -> None:
    async with serving(request_timeout_seconds=0.5) as served:
        async with await anyio.connect_tcp("127.0.0.1", served.port) as stream:
            head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
            await stream.send(head)
            said = await heard(stream)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in said
        assert await still_serves(served)


async def test_a_client_that_hangs_up_breaks_nothing() -> None:
    async with serving() as served:
        for part in (b"{", b"{}"):
            async with await anyio.connect_tcp("127.0.0.1", served.port) as stream:
                head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
                await stream.send(head + part)
        assert await still_serves(served)


async def test_stopping_answers_what_is_in_hand_and_takes_nothing_new() -> None:
    begun, release = anyio.Event(), anyio.Event()
    statuses = []

    async def save(_group: Sequence[Intake]) -> None:
        begun.set()
        await release.wait()

    async with serving(save=save) as served, anyio.create_task_group() as group:

        async def request() -> None:
            statuses.append((await served.post("/v1/track", track(), basic())).status_code)

        group.start_soon(request)
        await begun.wait()
        group.start_soon(served.web.stop)
        await anyio.sleep(0.5)
        with pytest.raises(OSError, match="connect"):
            await anyio.connect_tcp("127.0.0.1", served.port)
        release.set()
    assert statuses == [200]


async def test_a_cancelled_server_leaves_no_connection_and_can_be_run_again() -> None:
    settings = IngestSettings()

    async def app(_scope: object, _receive: object, _send: object) -> None:
        await anyio.sleep_forever()

    web = WebServer(app, settings, listen("127.0.0.1", 0))
    for _ in range(2):
        async with anyio.create_task_group() as group:
            await start(group, web)
            stream = await anyio.connect_tcp("127.0.0.1", web.port)
            await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await anyio.sleep(0.1)
            group.cancel_scope.cancel()
        async with stream:
            assert await heard(stream) == b""
    await web.stop()


async def test_a_port_that_is_taken_is_a_mistake_of_the_configuration() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            listen("127.0.0.1", port)


async def test_tls_files_that_are_no_certificates_are_a_mistake_too(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("no certificate")
    settings = IngestSettings(tls_cert_file=file, tls_key_file=file)

    async def app(_scope: object, _receive: object, _send: object) -> None:
        """Never called."""

    web = WebServer(app, settings, listen("127.0.0.1", 0))
    with pytest.raises(ConfigurationError, match="tls_cert_file"):
        await web.run(ready=lambda: None)
    await web.stop()


async def test_tls_serves(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    async with serving(tls_cert_file=cert, tls_key_file=key) as served:
        trust = ssl.create_default_context(cafile=str(cert))
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            answer = await client.get(f"https://localhost:{served.port}/healthz")
            assert answer.status_code == 200


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed one for localhost."""
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography makes the certificate")
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * 50))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
