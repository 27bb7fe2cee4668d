"""A tenant's tools without code: HTTP calls that the model may ask for."""

import asyncio
import logging
import time
from typing import Any

import aiohttp
from livekit.agents import RunContext, function_tool
from livekit.agents.llm import RawFunctionTool, ToolError

from contract.agent_config import HttpTool

logger = logging.getLogger(__name__)

# What the model is given of an answer; more would be read aloud by nobody and paid for.
_MOST_ANSWER_BYTES = 16 * 1024


def build(tools: tuple[HttpTool, ...]) -> list[RawFunctionTool[Any, Any]]:
    """Make the SDK's tools from a tenant's descriptions."""
    return [_function(tool) for tool in tools]


def _function(tool: HttpTool) -> RawFunctionTool[Any, Any]:
    async def call(raw_arguments: dict[str, object], context: RunContext[Any]) -> str:
        del context  # the SDK hands it to every tool
        return await ask(tool, raw_arguments)

    schema = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return function_tool(call, raw_schema=schema)


async def ask(tool: HttpTool, arguments: dict[str, Any]) -> str:
    """Make a tool's HTTP call and give what came back, at most 16 KiB.

    Raises:
        ToolError: with a sentence that the model may use to explain itself.
    """
    began, status = time.monotonic(), 0
    try:
        async with asyncio.timeout(tool.timeout_seconds):
            async with aiohttp.ClientSession(trust_env=True) as session:
                status, text = await _request(session, tool, arguments)
    except TimeoutError:
        raise ToolError(f"{tool.name} did not answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        logger.warning("a tool failed", extra={"tool": tool.name, "cause": type(fault).__name__})
        raise ToolError(f"{tool.name} cannot be reached") from None
    finally:
        milliseconds = round((time.monotonic() - began) * 1000)
        logger.info(
            "a tool was called", extra={"tool": tool.name, "status": status, "ms": milliseconds}
        )
    if not 200 <= status < 300:
        raise ToolError(f"{tool.name} answered with status {status}")
    return text


async def _request(
    session: aiohttp.ClientSession, tool: HttpTool, arguments: dict[str, Any]
) -> tuple[int, str]:
    # A redirect would carry the tenant's headers to a host that its configuration does not name.
    options: dict[str, Any] = {"headers": tool.headers, "allow_redirects": False}
    if tool.method in ("GET", "DELETE"):
        options["params"] = {name: _in_query(value) for name, value in arguments.items()}
    else:
        options["json"] = arguments
    async with session.request(tool.method, tool.url, **options) as answer:
        body = b""
        while len(body) < _MOST_ANSWER_BYTES and (
            piece := await answer.content.read(_MOST_ANSWER_BYTES - len(body))
        ):
            body += piece
        return answer.status, body.decode(answer.charset or "utf-8", errors="replace")


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
