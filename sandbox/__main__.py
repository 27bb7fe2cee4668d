"""The sandbox's command line: each part alone, and the demo of all of them."""

import asyncio
from typing import Annotated

import typer

from sandbox.speech.running import KEY_VARIABLE

app = typer.Typer(
    help="Real parts on one machine: projects, speech, callers, tenants, and a demo of them all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Keep the commands' names, however few there are."""


@app.command()
def speech(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.")] = 0,
    api_key: Annotated[
        str, typer.Option(envvar=KEY_VARIABLE, help="The key that it asks for.")
    ] = "sk-sandbox",
) -> None:
    """Serve an OpenAI-compatible endpoint: Whisper, Piper and a scripted language model."""
    from sandbox.speech.endpoint import serve  # models and their libraries take a second

    async def run() -> None:
        runner, taken = await serve(port, api_key)
        typer.echo(f"OPENAI_BASE_URL=http://127.0.0.1:{taken}/v1")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


if __name__ == "__main__":
    app()
