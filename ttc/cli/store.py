"""`ttc store`: the stored replies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ttc.errors import UserError

store = typer.Typer(help="Show, export, merge or prune the stored replies.")

StorePath = Annotated[Path, typer.Option(help="The store, as in a run's store.path.")]
STORE = Path("outputs/store.sqlite")


@store.callback(invoke_without_command=True)
def store_show(ctx: typer.Context, path: StorePath = STORE) -> None:
    """Show the store's size and contents."""
    if ctx.invoked_subcommand is None:
        from ttc.store.report import open_existing, show_store

        with open_existing(path) as opened:
            show_store(opened)


@store.command("export")
def store_export(
    out: Annotated[Path, typer.Argument(help="The parquet file to write.")],
    results: Annotated[bool, typer.Option("--results", help="Write one row per problem of every run instead.")] = False,
    path: StorePath = STORE,
) -> None:
    """Write one row per reply to a parquet file, or every run's results."""
    from ttc.store.report import export_replies, export_results, open_existing
    from ttc.terminal import printable_line

    with open_existing(path) as opened:
        written, skipped = (export_results if results else export_replies)(opened, out)
    typer.echo(f"{written:,} {'results' if results else 'replies'} written to {printable_line(out)}")
    if skipped.count:
        typer.echo(str(skipped))


@store.command("merge")
def store_merge(
    sources: Annotated[list[Path], typer.Argument(metavar="STORE...", help="Stores to read; they are not changed.")],
    into: Annotated[Path, typer.Option(help="The store to add their replies to; created where there is none.")],
) -> None:
    """Merge the stores of several machines: every reply of each is in --into then, once.

    Where a key has two replies, that of --into stays, or that of the first STORE; how many differ is reported. A merge
    that was killed is continued by the same command. Copy a store in use together with its -wal file.
    """
    from ttc.store.merging import merge_stores
    from ttc.terminal import printable

    typer.echo(printable(f"{into}: {merge_stores(sources, into)}"))


@store.command("prune")
def store_prune(
    engine: Annotated[str | None, typer.Option(help="Only this engine's replies, as `ttc store` names it.")] = None,
    before: Annotated[
        str | None,
        typer.Option(
            help="Only replies made before this date or moment, e.g. 2026-01-31: UTC, unless it names a zone."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    path: StorePath = STORE,
) -> None:
    """Delete replies: of an engine, or made before a moment, or both. Shows which, and asks first."""
    from ttc.store.pruning import choose, prune
    from ttc.store.report import open_existing

    with open_existing(path) as opened:
        deleted = prune(opened, choose(opened, engine, before), confirm=lambda shown: yes or _confirmed(shown))
    typer.echo(f"{deleted:,} {'reply' if deleted == 1 else 'replies'} deleted")


def _confirmed(shown: str) -> bool:
    from ttc.terminal import printable

    typer.echo(printable(shown))
    if not sys.stdin.isatty():
        raise UserError("nothing was deleted: there is no terminal to ask on; add --yes to delete these replies.")
    return typer.confirm("Delete them?")
