"""Loads what each call would else load by itself, by private names of the SDK; tests pin each."""

from livekit.agents.utils import http_context


def warm_up() -> str | None:
    """Import and load, before the fork, all that a call would else do in its first second.

    Gives None, or what this SDK does not have any more: each call then does it by itself.
    """
    import livekit.plugins.openai  # noqa: PLC0415 - a plugin registers itself, in the main thread alone

    try:
        import livekit.agents.ipc._preload  # noqa: PLC0415 - private: it may be gone
        import livekit.local_inference  # noqa: PLC0415 - the same

        livekit.local_inference.init_vad()
        # Else the SDK would do these after the fork: the first where call processes do not see it,
        # the second in each of them, for 150 ms of its loop.
        http_context._set_default_cert_env()
        http_context._create_ssl_context()
    except (ImportError, AttributeError) as error:
        return f"this SDK is not the one that is known here ({error})"
    return None
