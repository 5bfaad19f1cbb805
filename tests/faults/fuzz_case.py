"""One case: a command with its files, its input and its environment, all of it made from a seed."""

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from faults.fuzz_bytes import mutated

__all__ = ["MODELS", "Case", "lay_out"]

MODELS = ("lm", "lines-lm", "clf", "mt")
"""The trained models that cases use; ``{lm}`` in an argument stands for the path of one."""


@dataclass
class Case:
    """What is run, and what may come of it.

    Attributes:
        suite: The maker's name.
        seed: What it was made from.
        argv: Arguments; ``{clf}`` at the start of one is the path of a trained model.
        stdin: What can be read there; None where it is closed.
        by_pipe: Whether stdin is a pipe of the system's, written piece by piece.
        files: Contents by relative path.
        links: Symbolic links: relative path and target.
        pipes: Named pipes: what is written into each.
        damaged: Copies of models with faults in them: name and model.
        env: Variables.
        terminal: Whether stdout and stderr say that they are terminals.
        closes_after: Bytes of stdout after which its reader goes; None reads all.
        lines: How many lines stdout has where the command succeeds, if that is known.
        must_fail: Whether success would be wrong.
        codes: Exit codes that are right.
        json_lines: Whether every line of stdout is an object of JSON.
        outputs: What the command may write, beside models.
    """

    suite: str
    seed: int
    argv: list[str]
    stdin: bytes | None = b""
    by_pipe: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    pipes: dict[str, bytes] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    terminal: bool = False
    closes_after: int | None = None
    lines: int | None = None
    must_fail: bool = False
    codes: tuple[int, ...] = (0, 1, 2)
    json_lines: bool = False
    outputs: tuple[str, ...] = ()

    def arguments(self, pool: Path) -> list[str]:
        """The arguments with the models' paths."""
        known = {f"{{{name}}}": str(pool / name) for name in MODELS}
        return [known.get(argument, argument) for argument in self.argv]


def lay_out(case: Case, folder: Path, pool: Path) -> None:
    """Write a case's files into an empty folder."""
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, target in case.links:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    rng = random.Random(case.seed)
    for name, model in case.damaged.items():
        shutil.copytree(pool / model, folder / name)
        chosen = rng.choice(sorted(p for p in (folder / name).rglob("*") if p.is_file()))
        data = chosen.read_bytes()
        kind = rng.random()
        if kind < 0.1:
            chosen.unlink()
        elif kind < 0.2:
            chosen.write_bytes(b"")
        elif kind < 0.3:
            chosen.write_bytes(data[: rng.randint(0, len(data))])
        else:
            chosen.write_bytes(mutated(rng, data))
