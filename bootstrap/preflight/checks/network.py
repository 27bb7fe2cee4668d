"""The way to the host: its name, its port through the SDK's proxy, its certificate."""

import asyncio
import base64
import socket
import ssl
import threading
import time
from urllib.parse import unquote, urlsplit

from bootstrap.preflight.check import CheckContext, CheckOutcome, failed, passed, warned

_FEW_DAYS = 14
_DAY_SECONDS = 86_400
_TRY_SECONDS = 2.5
_PROXY_HINT = (
    "The SDK goes through HTTPS_PROXY or HTTP_PROXY, whatever NO_PROXY says: correct or unset it."
)


async def host_resolves(context: CheckContext) -> CheckOutcome:
    """The host's name, or the proxy's, has an address."""
    host, port, who = _next_hop(context)
    if not host:
        return failed("HTTPS_PROXY or HTTP_PROXY names no host", _PROXY_HINT)
    try:
        context.facts.addresses = await _resolve(host, port)
    except OSError as error:
        reason = error.strerror or "no address"
        return failed(
            f"{who} {host} does not resolve: {reason}", _PROXY_HINT if context.proxy else ""
        )
    return passed(f"{who} {host} is {', '.join(context.facts.addresses[:4])}")


async def port_connects(context: CheckContext) -> CheckOutcome:
    """One of the addresses takes a TCP connection, through the proxy where there is one."""
    host, port, who = _next_hop(context)
    addresses = context.facts.addresses
    tries = await asyncio.gather(*(_connect(address, port) for address in addresses))
    refusals = [f"{address}: {why}" for address, why in zip(addresses, tries, strict=True) if why]
    open_to = [address for address, why in zip(addresses, tries, strict=True) if not why]
    if not open_to:
        problem = f"{who} {host} takes no connection on port {port} ({'; '.join(refusals)})"
        return failed(problem, _PROXY_HINT if context.proxy else "")
    context.facts.address = open_to[0]
    rest = f"; not {', '.join(refusals)}" if refusals else ""
    return passed(f"{who} answers at {', '.join(open_to)} port {port}{rest}")


async def certificate_holds(context: CheckContext) -> CheckOutcome:
    """The certificate's chain, host name and dates hold."""
    credentials = context.settings.credentials
    if not credentials.http_url.startswith("https:"):
        return passed("plain, as the URL asks; it stays on an inside network")
    try:
        expires = await _read_expiry(context)
    except ssl.SSLCertVerificationError as error:
        return failed(_verification_fault(error, credentials.hostname))
    except ssl.SSLError as error:
        problem = (error.reason or "no reason given").lower().replace("_", " ")
        return failed(f"port {credentials.port} does not speak TLS as it should ({problem})")
    except _ProxyRefusal as refusal:
        return failed(str(refusal), _PROXY_HINT)
    except (OSError, EOFError) as error:
        return failed(f"the connection ended during the TLS handshake ({type(error).__name__})")
    days = int((expires - time.time()) // _DAY_SECONDS)
    if days < _FEW_DAYS:
        return warned(f"the certificate runs out in {days} days")
    return passed(f"valid for {credentials.hostname}, for {days} days more")


class _ProxyRefusal(Exception):
    """The proxy let nothing through."""


def _next_hop(context: CheckContext) -> tuple[str, int, str]:
    if context.proxy:
        try:
            parts = urlsplit(context.proxy)
            return parts.hostname or "", parts.port or 80, "the proxy"
        except ValueError:
            return "", 0, "the proxy"
    credentials = context.settings.credentials
    return credentials.hostname, credentials.port, "the host"


async def _resolve(host: str, port: int) -> tuple[str, ...]:
    # In a daemon thread of its own: a resolver that hangs must not hold up the program's end.
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def tell(addresses: tuple[str, ...], error: OSError | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(error)

    def work() -> None:
        addresses, error = _look_up(host, port)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, addresses, error)

    threading.Thread(target=work, name="resolve the host", daemon=True).start()
    return await answer


def _look_up(host: str, port: int) -> tuple[tuple[str, ...], OSError | None]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return (), error
    except UnicodeError:
        return (), OSError(0, "not a host name")
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found)), None


async def _connect(address: str, port: int) -> str:
    try:
        async with asyncio.timeout(_TRY_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no answer within {_TRY_SECONDS:g} s"
    except OSError as error:
        return error.strerror or type(error).__name__
    writer.close()
    return ""


async def _read_expiry(context: CheckContext) -> float:
    credentials = context.settings.credentials
    _, port, _ = _next_hop(context)
    # Made anew each time, so that SSL_CERT_FILE counts as it stands.
    trust = ssl.create_default_context()
    reader, writer = await asyncio.open_connection(context.facts.address, port)
    try:
        if context.proxy:
            target = f"{credentials.hostname}:{credentials.port}"
            await _ask_for_tunnel(reader, writer, context.proxy, target)
        await writer.start_tls(trust, server_hostname=credentials.hostname)
        certificate = writer.get_extra_info("ssl_object").getpeercert()
    finally:
        writer.close()
    return ssl.cert_time_to_seconds(certificate["notAfter"])


async def _ask_for_tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: str, target: str
) -> None:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *_proxy_login(proxy), "", ""]
    writer.write("\r\n".join(lines).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _ProxyRefusal("what should be a proxy answers something else") from None
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        code = status[0][:3].decode("ascii", "replace") if status else "nothing"
        raise _ProxyRefusal(f"the proxy answers {code} when asked for a tunnel to {target}")


def _proxy_login(proxy: str) -> tuple[str, ...]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return ()
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return (f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}",)


# OpenSSL's numbers (x509_vfy.h) for what goes wrong most often.
_VERIFICATION = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate's chain ends in a self-signed one that nobody here trusts",
    20: "the certificate's issuer is not known here, or its chain is incomplete",
    21: "the certificate's chain is incomplete",
}
_WRONG_NAME = (62, 64)


def _verification_fault(error: ssl.SSLCertVerificationError, hostname: str) -> str:
    if error.verify_code in _WRONG_NAME:
        return f"the certificate is not for {hostname}"
    return _VERIFICATION.get(error.verify_code, f"not to be trusted: {error.verify_message}")
