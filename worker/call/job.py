"""What the SDK's job knows and shows by private names alone; tests pin each."""

from livekit.agents import JobContext


def offered_at(ctx: JobContext) -> float:
    """Give when the worker was offered this job, in Unix seconds."""
    return ctx._info.received_at


def join_target(ctx: JobContext) -> tuple[str, str]:
    """Give the URL and the token that the server sent for this job, neither of them proven."""
    return ctx._info.url, ctx._info.token
