"""``textrnn completion``: what a shell reads to complete commands with the Tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from textrnn.cli.console import write
from textrnn.cli.options import SectionedCommand, debug_option

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=SectionedCommand)
@click.argument("shell", type=click.Choice(SHELLS))
@debug_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print what makes a shell complete commands, options and values with the Tab key.

    The shell reads it when it starts; put the line into the file that is named behind it. bash must be 4.4 or
    later.

    \b
      eval "$(textrnn completion bash)"       # ~/.bashrc
      eval "$(textrnn completion zsh)"        # ~/.zshrc
      textrnn completion fish | source        # ~/.config/fish/config.fish
    """
    root = context.find_root()
    found = get_completion_class(shell)
    if found is None:
        raise LookupError(f"click knows no shell {shell}")
    write(found(root.command, {}, "textrnn", "_TEXTRNN_COMPLETE").source())
