"""Tools without code, against a real HTTP server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.agents.llm import ToolError

from contract.agent_config import HttpTool
from worker.agent import tools


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        said = await request.json() if request.can_read_body else dict(request.query)
        kind = request.match_info["kind"]
        if kind == "away":
            raise web.HTTPFound("/echo")
        if kind == "broken":
            return web.Response(status=500, text="secret detail")
        if kind == "long":
            return web.Response(text="x" * 100_000)
        token = request.headers.get("X-Token", "")
        return web.json_response({"method": request.method, "said": said, "token": token})

    app = web.Application()
    app.router.add_route("*", "/{kind}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


def _tool(url: str, **changed: Any) -> HttpTool:
    return HttpTool(name="find", description="Finds.", url=url, **changed)


async def test_arguments_are_the_body_of_a_post(address: str) -> None:
    tool = _tool(f"{address}echo", headers={"X-Token": "t"})
    said = await tools.ask(tool, {"number": 7})
    assert said == '{"method": "POST", "said": {"number": 7}, "token": "t"}'


async def test_arguments_are_the_query_of_a_get(address: str) -> None:
    said = await tools.ask(_tool(f"{address}echo", method="GET"), {"is_big": True, "number": 7})
    assert '"said": {"is_big": "true", "number": "7"}' in said


async def test_an_answer_is_cut_at_sixteen_kib(address: str) -> None:
    assert len(await tools.ask(_tool(f"{address}long"), {})) == 16 * 1024


@pytest.mark.parametrize(("kind", "said"), [("broken", "status 500"), ("away", "status 302")])
async def test_a_refusal_is_told_to_the_model_without_its_body(
    address: str, kind: str, said: str
) -> None:
    with pytest.raises(ToolError, match=said) as caught:
        await tools.ask(_tool(f"{address}{kind}"), {})
    assert "secret" not in str(caught.value)


async def test_a_closed_port_is_told_to_the_model() -> None:
    with pytest.raises(ToolError, match="cannot be reached"):
        await tools.ask(_tool("http://127.0.0.1:9/"), {})


async def test_the_model_is_shown_name_description_and_schema() -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}}
    (built,) = tools.build((_tool("http://a.example/", parameters=schema),))
    assert (built.info.name, built.info.raw_schema["parameters"]) == ("find", schema)
