"""`ttc serve-command`: how to serve a run's models with vLLM."""

from __future__ import annotations

from typing import Annotated

import typer


def serve_command(
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...")] = None,
    port: Annotated[int, typer.Option(help="Port of the generator's server; the verifier gets the next one.")] = 8000,
) -> None:
    """Print the vLLM commands that serve the models of `ttc run` with these overrides, one line each."""
    import shlex

    from ttc.app.composing import compose_run
    from ttc.engines.server.command import serve_command
    from ttc.engines.vllm_setup import VllmSettings
    from ttc.errors import UserError

    config = compose_run(overrides or [])
    models: list[VllmSettings] = []
    for part in (config.generator, config.verifier):
        if isinstance(part, VllmSettings):
            part.check()
            models.append(part)
    if not models:
        raise UserError("neither generator nor prm is a checkpoint for vLLM; choose one, e.g. generator=pocket.")
    for number, model in enumerate(models):
        typer.echo(shlex.join(serve_command(model, port + number)))
