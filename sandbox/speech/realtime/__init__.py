"""OpenAI's realtime API: a websocket on which a client sends speech and is answered with speech.

Belongs here: the session's events, its settings, its conversation, and the detection of turns.
Does not: the models themselves, the other routes of the provider.
May import: sandbox.speech, but for its endpoint; aiohttp.
"""
