"""Prepared sentences: rendered by a real HTTP exchange, kept, and found again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from contract.agent_config import AgentConfig
from contract.settings.groups import AgentChoice, Host, Identity, Provider
from project.credentials import Credentials
from worker.agent import announcements
from worker.agent.announcements import Announcement, AnnouncementCache
from worker.configuration import Configuration

GERMAN = AgentConfig(language="de-DE", greeting="Guten Tag.")


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Configuration, list[str]]]:
    """A provider that renders a text as its own bytes, after failing once."""
    said: list[str] = []

    async def speech(request: web.Request) -> web.Response:
        said.append((await request.json())["input"])
        if len(said) == 1:
            return web.Response(status=500)
        return web.Response(body=said[-1].encode("utf-16"))

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    async with TestServer(app) as server:
        yield (
            Configuration(
                identity=Identity("acme", "acme-agent", "acme--"),
                credentials=Credentials("ws://127.0.0.1:9", "APIx", SecretStr("s" * 32)),
                host=Host(tmp_path),
                agent=AgentChoice(GERMAN),
                provider=Provider(SecretStr("sk-x"), str(server.make_url("/v1"))),
            ),
            said,
        )


async def test_each_sentence_is_rendered_once_also_when_the_provider_fails_at_first(
    asked: tuple[Configuration, list[str]],
) -> None:
    configuration, said = asked
    await announcements.prepare(configuration)
    await announcements.prepare(configuration)
    assert len(said) == len(Announcement) + 1
    cache = AnnouncementCache.of(configuration)
    sound = cache.find(Announcement.GREETING, GERMAN)
    assert sound is not None
    assert sound.decode("utf-16") == "Guten Tag."


async def test_a_changed_greeting_is_rendered_anew_and_the_old_one_forgotten(
    asked: tuple[Configuration, list[str]],
) -> None:
    configuration, _ = asked
    await announcements.prepare(configuration)
    changed = GERMAN.overridden({"greeting": "Hallo."})
    await announcements.prepare(replace(configuration, agent=AgentChoice(changed)))
    cache = AnnouncementCache.of(configuration)
    assert cache.find(Announcement.GREETING, changed) is not None
    assert cache.find(Announcement.GREETING, GERMAN) is None
    assert cache.find(Announcement.APOLOGY, GERMAN) is not None


def test_a_language_without_words_of_ours_is_spoken_to_in_english() -> None:
    swahili = AgentConfig(language="sw")
    assert announcements.sentence(Announcement.WAIT, swahili) == "One moment, please."
    assert announcements.sentence(Announcement.WAIT, GERMAN) == "Einen Moment, bitte."


def test_a_sound_is_cut_into_whole_frames() -> None:
    cut = list(announcements.frames(b"\1" * 1000))
    assert [len(frame.data) * 2 for frame in cut] == [960, 960]
    assert len(announcements.tone()) > 0
