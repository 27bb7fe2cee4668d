"""Who answers at the host: a LiveKit server and which edition, or what stands in its place."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from bootstrap.preflight.check import (
    REQUEST_SECONDS,
    CheckContext,
    CheckOutcome,
    Edition,
    failed,
    passed,
    warned,
)
from bootstrap.preflight.checks.body import read_up_to
from contract.exits import ExitCode

_LONGEST_BODY = 4 * 1024
# What livekit-server answers to a request for a room that brings no token.
_NO_TOKEN = ("no permissions to access the room", "permissions denied", "invalid api key")
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_FAR_SECONDS = 60  # LiveKit's leeway on both ends of a token's life
_NOTICEABLE_SECONDS = 10
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,30}")


@dataclass(frozen=True)
class _Answer:
    status: int
    body: str
    product: str
    date: str
    location: str
    asked_at: float

    @property
    def is_html(self) -> bool:
        return self.body.lstrip().lower().startswith(("<!doctype", "<html", "<head", "<center"))


async def host_is_livekit(context: CheckContext) -> CheckOutcome:
    """The host speaks LiveKit; asked without a token, since it is not proven yet."""
    url = context.settings.credentials.http_url
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout, proxy=context.proxy) as session:
            root, validate, regions = await asyncio.gather(
                _get(session, f"{url}/"),
                _get(session, f"{url}/rtc/validate"),
                _get(session, f"{url}/settings/regions"),
            )
            if not _is_livekit(root, validate):
                return await _name_the_stranger(session, url, root, validate)
    except TimeoutError:
        return _unavailable(f"takes connections, but gave no answer within {REQUEST_SECONDS:g} s")
    except aiohttp.ClientResponseError as error:
        return _answer_is_no_http(error)
    except (aiohttp.ClientError, OSError) as error:
        return _unavailable(f"the connection broke off before an answer ({type(error).__name__})")
    edition = _edition(context, regions)
    context.facts.edition = edition
    context.facts.skew_seconds = _skew(validate)
    return passed(f"a LiveKit server ({edition})")


async def clocks_agree(context: CheckContext) -> CheckOutcome:
    """This machine's clock and the server's are near enough for tokens."""
    skew = context.facts.skew_seconds
    if skew is None:
        return warned("the server's answers carry no usable Date", "Nothing to do if calls work.")
    problem = f"the server's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
    if abs(skew) > _TOO_FAR_SECONDS:
        return failed(f"{problem}: tokens made here are not valid there")
    if abs(skew) > _NOTICEABLE_SECONDS:
        return warned(f"{problem}; beyond {_TOO_FAR_SECONDS} s tokens stop working")
    return passed(f"{abs(skew):.0f} s apart")


async def _get(session: aiohttp.ClientSession, url: str) -> _Answer:
    asked_at = datetime.now(UTC).timestamp()
    async with session.get(url, allow_redirects=False) as reply:
        body = await read_up_to(_LONGEST_BODY, reply)
        product = _PRODUCT.match(reply.headers.get("Server", ""))
        return _Answer(
            status=reply.status,
            body=body.decode(errors="replace"),
            product=product[0] if product else "",
            date=reply.headers.get("Date", ""),
            location=reply.headers.get("Location", ""),
            asked_at=asked_at,
        )


def _is_livekit(root: _Answer, validate: _Answer) -> bool:
    if validate.status != _UNAUTHORIZED:
        return False
    says_so = any(phrase in validate.body.lower() for phrase in _NO_TOKEN)
    return says_so or (root.status == 200 and root.body.strip() == "OK")


async def _name_the_stranger(
    session: aiohttp.ClientSession, url: str, root: _Answer, validate: _Answer
) -> CheckOutcome:
    who = f" ({validate.product or root.product})" if validate.product or root.product else ""
    worst = max(root.status, validate.status)
    if worst >= 500:
        return _unavailable(f"a proxy or load balancer{who} answers {worst} for the server")
    if 300 <= validate.status < 400:
        return failed(f"answers with a redirect to {_host_of(validate.location)}: {_CAPTIVE}")
    if await _is_elsewhere(session, url):
        path = urlsplit(url).path
        return failed(f"a LiveKit server is at /, but not under {path}: a wrong path", _PATH_HINT)
    if validate.status == 200 and validate.is_html:
        return failed(f"a web page{who} answers whatever is asked: {_CAPTIVE}")
    return failed(f"a web server{who} answers {validate.status} where LiveKit would know the path")


_CAPTIVE = "a captive portal, or a web server in LiveKit's place"
_PATH_HINT = "Correct the path at the end of LIVEKIT_URL; most projects have none."


async def _is_elsewhere(session: aiohttp.ClientSession, url: str) -> bool:
    parts = urlsplit(url)
    if not parts.path:
        return False
    top = f"{parts.scheme}://{parts.netloc}"
    root, validate = await asyncio.gather(
        _get(session, f"{top}/"), _get(session, f"{top}/rtc/validate")
    )
    return _is_livekit(root, validate)


def _answer_is_no_http(error: aiohttp.ClientResponseError) -> CheckOutcome:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _unavailable(f"the proxy answers {error.status} when asked for the host")
    return failed("what answers there does not speak HTTP")


def _unavailable(problem: str) -> CheckOutcome:
    hint = "Look at the server and at what stands before it; it may be restarting."
    return failed(problem, hint, ExitCode.UNAVAILABLE)


def _edition(context: CheckContext, regions: _Answer) -> Edition:
    # Only LiveKit Cloud has regions to tell about.
    has_regions = regions.status in (200, _UNAUTHORIZED, 403)
    return "cloud" if context.settings.credentials.is_cloud or has_regions else "self-hosted"


def _skew(answer: _Answer) -> float | None:
    try:
        there = parsedate_to_datetime(answer.date).timestamp()
    except ValueError:
        return None
    here = (answer.asked_at + datetime.now(UTC).timestamp()) / 2
    # A Date has whole seconds, cut off: half a second is added back.
    return there + 0.5 - here


def _host_of(location: str) -> str:
    try:
        host = urlsplit(location).hostname or "another path"
    except ValueError:
        return "somewhere that is no URL"
    return host if re.fullmatch(r"[A-Za-z0-9.:_-]{1,100}|another path", host) else "another host"
