"""The items of a realtime conversation, and the same as messages for the language model."""

import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.speech.models.language_model import Message, ToolCall

Item = dict[str, Any]


class ConversationItems:
    """The items so far, in order."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    @property
    def last_id(self) -> str | None:
        """The newest item's id."""
        return self._items[-1]["id"] if self._items else None

    def insert(self, item: Item, after: str | None) -> str | None:
        """Put an item after another, or last when that is unknown; give the id before it."""
        if after == "root":
            self._items.insert(0, item)
            return None
        ids = [known["id"] for known in self._items]
        position = ids.index(after) + 1 if after in ids else len(ids)
        self._items.insert(position, item)
        return ids[position - 1] if position else None

    def remove(self, item_id: str) -> bool:
        """Remove an item; tell whether it was there."""
        before = len(self._items)
        self._items = [item for item in self._items if item["id"] != item_id]
        return len(self._items) < before

    def has(self, item_id: str) -> bool:
        """Tell whether an item is there."""
        return any(item["id"] == item_id for item in self._items)

    def messages(self, instructions: str) -> list[Message]:
        """Render the conversation in the form of chat completions."""
        return [{"role": "system", "content": instructions}, *map(_message, self._items)]


def new_id(prefix: str) -> str:
    """Make an id for an item, a response or an event."""
    return f"{prefix}_{secrets.token_hex(10)}"


def user_item(item_id: str) -> Item:
    """Make the item of a caller's turn; its transcript comes later."""
    content = [{"type": "input_audio", "transcript": None}]
    return _item(item_id, "message", role="user", status="completed", content=content)


def assistant_item(item_id: str) -> Item:
    """Make the item of the model's answer; its text comes later."""
    return _item(item_id, "message", role="assistant", status="in_progress", content=[])


def tool_call_item(item_id: str, tool_call: ToolCall) -> Item:
    """Make the item of a tool's call."""
    return _item(
        item_id,
        "function_call",
        status="completed",
        call_id=tool_call.call_id,
        name=tool_call.name,
        arguments=tool_call.arguments,
    )


def _item(item_id: str, kind: str, **fields: Any) -> Item:
    return {"id": item_id, "object": "realtime.item", "type": kind, **fields}


def _message(item: Mapping[str, Any]) -> Message:
    if item["type"] == "function_call":
        return {"role": "assistant", "content": ""}
    if item["type"] == "function_call_output":
        return {"role": "tool", "content": item.get("output", "")}
    return {"role": item["role"], "content": item.get("content") or ""}
