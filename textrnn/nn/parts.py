"""What the parameters of a network are, as far as it matters to those who update them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["NO_PARTS", "Parts", "parts_of"]


class _Network(Protocol):
    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """As ``torch.nn.Module`` has it."""


class Parts(NamedTuple):
    """Parameters of a kind, by name.

    Attributes:
        tables: Matrices that training reads row by row, through ``textrnn.nn.lookup`` alone.
        blocks: Matrices of hidden layers, and how many matrices each is a pile of: an LSTM's of four gates.
    """

    tables: frozenset[str]
    blocks: Mapping[str, int]


NO_PARTS = Parts(frozenset(), {})
"""Those of a network of which nothing is known."""


def parts_of(model: _Network) -> Parts:
    """Return what is known of a network's parameters: what its modules call ``tables`` and ``blocks``.

    Args:
        model: Its modules may have a property ``tables``, names of parameters of their own, and one
            ``blocks``, a mapping from such names to numbers.
    """
    tables: set[str] = set()
    blocks: dict[str, int] = {}
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        tables |= {prefix + name for name in getattr(module, "tables", ())}
        blocks |= {prefix + name: number for name, number in getattr(module, "blocks", {}).items()}
    return Parts(frozenset(tables), blocks)
