"""``textrnn cache``: what was prepared for training, and how to get rid of it."""

from __future__ import annotations

import click

from textrnn.cli.console import byte_size, note, write, write_json
from textrnn.cli.options import HelpfulGroup, NumberRange, debug_option
from textrnn.data.cache import clear as clear_cache
from textrnn.data.cache import default_cache_dir, list_entries

__all__ = ["cache"]


@click.group(cls=HelpfulGroup)
def cache() -> None:
    """List or clear the texts prepared for training.

    A text is prepared once and found again at the next start. Whatever is cleared is made anew when it is
    needed. The environment variable TEXTRNN_CACHE names another folder.
    """


@cache.command("list", short_help="List the prepared texts, the last used first.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON a text.")
@debug_option
def list_command(as_json: bool) -> None:
    """List the prepared texts, the last used first: size, last use (UTC), sources."""
    folder = default_cache_dir()
    entries = list_entries(folder)
    for entry in entries:
        used = entry.last_used.strftime("%Y-%m-%d %H:%M")
        if as_json:
            write_json(
                {
                    "name": entry.name,
                    "sources": list(entry.sources),
                    "size_bytes": entry.size_bytes,
                    "created": entry.created.isoformat(),
                    "last_used": entry.last_used.isoformat(),
                }
            )
        else:
            write(f"{byte_size(entry.size_bytes):>10}  {used}  {', '.join(entry.sources)}\n")
    if not as_json:
        total = sum(entry.size_bytes for entry in entries)
        count = f"{len(entries)} {'text' if len(entries) == 1 else 'texts'}"
        note(f"{count}, {byte_size(total)} in {folder}")


@cache.command("clear")
@click.option(
    "--older-than",
    type=NumberRange(min=0),
    metavar="DAYS",
    help="Only what was last used longer ago.",
)
@debug_option
def clear_command(older_than: float | None) -> None:
    """Delete the prepared texts."""
    folder = default_cache_dir()
    note(f"freed {byte_size(clear_cache(folder, older_than))} in {folder}")
