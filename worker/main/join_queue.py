"""Who may join now: in a storm of dispatches all at once would be slower than a few at a time."""

import asyncio
from collections.abc import Callable, Hashable

_LONGEST_SECONDS = 3.0


class JoinQueue:
    """Hands out a few turns at once, in the order they were asked for.

    A join costs 0.3 s of CPU. A hundred at the same time on two cores outlast LiveKit's time
    limits, begin again and so never end; one after another they take half a minute. A turn that
    is not given back is over after three seconds: a slow network must not hold up others.
    """

    def __init__(self, at_once: int, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._at_once = at_once
        self._longest_seconds = longest_seconds
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._taken: dict[Hashable, asyncio.TimerHandle] = {}

    def ask(self, who: Hashable, grant: Callable[[], None]) -> None:
        """Ask for a turn; `grant` is called when it begins, maybe at once."""
        self._waiting[who] = grant
        self._hand_out()

    def give_back(self, who: Hashable) -> None:
        """End a turn, or stop waiting for one; without either nothing happens."""
        self._waiting.pop(who, None)
        if (timer := self._taken.pop(who, None)) is not None:
            timer.cancel()
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and len(self._taken) < self._at_once:
            who = next(iter(self._waiting))
            grant = self._waiting.pop(who)
            loop = asyncio.get_running_loop()
            self._taken[who] = loop.call_later(self._longest_seconds, self.give_back, who)
            grant()
