"""Optimisers, what they decay, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from textrnn.nn.parts import NO_PARTS, Parts
from textrnn.training.costs import is_large, makes_up
from textrnn.training.muon import MuonRule
from textrnn.training.rows import RowTable, settled_state, shapes_of_rows
from textrnn.training.rules import AdamRule, Kept, Rule, rule_of
from textrnn.training.settings import TrainingSettings

__all__ = ["Group", "Optimizer", "make_optimizer", "updates_rows"]

Named = Iterable[tuple[str, torch.nn.Parameter]]


@dataclass
class Group:
    """Parameters that are updated alike.

    Attributes:
        name: What the group is called.
        parameters: Its parameters by name.
        rule: How they are updated.
        rate: Learning rate of the next update.
        decay: Weight decay.
        tables: Those of the parameters that are updated by rows.
    """

    name: str
    parameters: dict[str, torch.nn.Parameter]
    rule: Rule
    rate: float
    decay: float
    tables: dict[str, RowTable] = field(default_factory=dict)


class Optimizer:
    """Updates parameters by rules; gives the same bits as the optimiser of that name in ``torch.optim``.

    But for tables that are updated by rows, where it is nearly the same (``textrnn.training.rows``).

    Args:
        groups: What to update, each parameter once.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = tuple(groups)
        self._kept: dict[str, Kept] = {}

    def leaves(self) -> list[Tensor]:
        """Join the rows of each table that gradients have reached; return all that they have reached."""
        found: list[Tensor] = []
        for group in self.groups:
            found += [p for p in group.parameters.values() if p.grad is not None]
            joined = (table.joined() for table in group.tables.values())
            found += [leaf for leaf in joined if leaf is not None]
        return found

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.groups:
            learning = {
                name: (parameter, parameter.grad)
                for name, parameter in group.parameters.items()
                if parameter.grad is not None
            }
            if odd := learning.keys() & group.tables.keys():
                raise RuntimeError(f"{min(odd)} is read otherwise than by rows")
            for name, (parameter, _) in learning.items():
                if name not in self._kept:
                    self._kept[name] = group.rule.begin(parameter)
            parameters: list[Tensor] = [parameter for parameter, _ in learning.values()]
            gradients = [gradient for _, gradient in learning.values()]
            kept = [self._kept[name] for name in learning]
            group.rule.apply(parameters, gradients, kept, group.rate, group.decay)
            for table in group.tables.values():
                table.update(group.rate, group.decay)

    def forget_gradients(self) -> None:
        """Let go of every gradient."""
        for group in self.groups:
            self._forget(group)

    def rest(self) -> None:
        """Let go of the gradients of groups that learn nothing now, so that they count in no norm."""
        for group in self.groups:
            if group.rate == 0:
                self._forget(group)

    def settled(self) -> dict[str, Tensor]:
        """Return what the tables stand for that are updated by rows, by name; copies."""
        return {name: table.settled() for name, table in self._tables()}

    def show(self) -> dict[str, Tensor]:
        """Put into the tables that are updated by rows what they stand for; returns what was in them."""
        return {name: table.show() for name, table in self._tables()}

    def hide(self, shown: Mapping[str, Tensor]) -> None:
        """Undo :meth:`show`."""
        for name, table in self._tables():
            table.hide(shown[name])

    def tensors(self) -> dict[str, Tensor]:
        """Return what is kept, as tensors named ``PARAMETER/KEY``."""
        every = self._kept | {name: table.tensors() for name, table in self._tables()}
        return {
            f"{name}/{key}": tensor for name, kept in every.items() for key, tensor in kept.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep what :meth:`tensors` returned, on the parameters' devices.

        Each parameter has all that the rule keeps of one, or nothing, where it was never updated. The fused
        kernels take the shapes for granted, so they are held against the parameters here. Whether tables were
        and are updated by rows need not be the same; the parameters must be those that were saved.

        Raises:
            ValueError: the tensors are not such an optimiser's; nothing is kept then.
        """
        self._kept = {}
        found: dict[str, Kept] = {}
        for full, tensor in tensors.items():
            owner, _, key = full.rpartition("/")
            found.setdefault(owner, {})[key] = tensor
        kept: dict[str, Kept] = {}
        for group in self.groups:
            there = [name for name in group.parameters if name in found]
            for name in there:
                kept[name] = _fitting(group.rule, name, group.parameters[name], found.pop(name))
            if group.rule.needs_all and 0 < len(there) < len(group.parameters):
                raise ValueError(
                    "the optimiser's momentum is there for a part of the parameters only"
                )
        if found:
            raise ValueError(f"the optimiser's {min(found)} belongs to no parameter")
        for group in self.groups:
            for name, parameter in group.parameters.items():
                if name in group.tables:
                    group.tables[name].load(kept.pop(name, {}))
                elif isinstance(group.rule, AdamRule) and "seen" in kept.get(name, {}):
                    kept[name] = settled_state(parameter, group.rule, kept[name])
        self._kept = kept

    def _tables(self) -> Iterator[tuple[str, RowTable]]:
        for group in self.groups:
            yield from group.tables.items()

    def _forget(self, group: Group) -> None:
        for parameter in group.parameters.values():
            parameter.grad = None
        for table in group.tables.values():
            table.forget()


def _fitting(rule: Rule, name: str, parameter: Tensor, given: Kept) -> Kept:
    """Return a copy of what is to be kept of a parameter.

    Raises:
        ValueError: it is something else.
    """
    shapes = rule.shapes(parameter)
    if isinstance(rule, AdamRule) and "seen" in given:
        shapes |= shapes_of_rows(parameter)
    for key in sorted(shapes.keys() ^ given.keys()):
        raise ValueError(f"the optimiser's {name}/{key} is missing or too many")
    for key, tensor in given.items():
        shape, own = shapes[key], tuple(tensor.shape)
        # NumPy has made one-element vectors of single numbers.
        fits = own == shape or (not shape and own == (1,))
        if not fits or tensor.dtype != torch.float32:
            raise ValueError(
                f"the optimiser's {name}/{key} has shape {own} of {tensor.dtype}, not {shape}"
            )
        if key == "step" and not bool((tensor >= 0).all()):
            raise ValueError(f"the optimiser's {name}/{key} is {float(tensor)}")
    return {key: tensor.to(parameter.device).clone() for key, tensor in given.items()}


def updates_rows(settings: TrainingSettings, device: torch.device, processes: int) -> bool:
    """Return whether large tables are updated by rows.

    A GPU passes over a table in no time, and several processes add up whole gradients.
    """
    return device.type == "cpu" and processes == 1 and makes_up(settings)


def make_optimizer(
    settings: TrainingSettings,
    parameters: Named,
    group: Callable[[str], str] = lambda name: "",
    parts: Parts = NO_PARTS,
    *,
    by_rows: bool = False,
    product_type: torch.dtype = torch.float32,
) -> Optimizer:
    """Return the optimiser that the settings name.

    Its groups bear as ``name`` what ``group`` returns for their parameters.

    Weight decay acts on matrices only: biases and the gains of norms set a scale that decay would
    distort. With ``adam``, ``sgd`` and ``rmsprop`` it is the classic penalty in the gradient; with
    ``adamw`` and ``muon`` it is decoupled (Loshchilov and Hutter 2019). ``muon`` is for the matrices of
    hidden layers; all else is updated by AdamW then, as its authors advise.

    Args:
        settings: Resolved settings.
        parameters: What to update, by name.
        group: Returns the group of a parameter.
        parts: What is known of the parameters.
        by_rows: Whether large tables are to be updated by rows, as :func:`updates_rows` tells.
        product_type: Of the matrix products in an update.
    """
    rate, decay = settings.learning_rate or 0.0, settings.weight_decay or 0.0
    usual = rule_of(settings.optimizer, settings.momentum, (settings.beta1, settings.beta2))
    groups: dict[tuple[str, bool, int], Group] = {}
    for name, parameter in parameters:
        is_matrix = parameter.ndim > 1
        blocks = parts.blocks.get(name, 0) if settings.optimizer == "muon" else 0
        key = (group(name), is_matrix, blocks)
        if key not in groups:
            rule = MuonRule(blocks, product_type) if blocks else usual
            groups[key] = Group(key[0], {}, rule, rate, decay if is_matrix else 0.0)
        members = groups[key]
        members.parameters[name] = parameter
        is_wanted = by_rows and name in parts.tables and is_large(*parameter.shape)
        if is_wanted and isinstance(usual, AdamRule):
            members.tables[name] = RowTable(parameter, usual)
    return Optimizer(list(groups.values()))
