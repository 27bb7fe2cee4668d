"""The models behind the endpoint: Whisper for STT, Piper for TTS, and a script in place of an LLM.

Belongs here: one module a model, each with a model's work alone: bytes and texts in and out.
Does not: HTTP, events, counting, faults.
May import: sandbox.speech.sound; the libraries of the models.
"""
