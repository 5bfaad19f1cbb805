"""Updates by rows give what updates of the whole table give."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.lookup import looked_up
from textrnn.nn.parts import Parts
from textrnn.training import costs
from textrnn.training.clipping import clip_gradients
from textrnn.training.optimizer import Optimizer, make_optimizer, updates_rows
from textrnn.training.rows import MOST_MISSED, settled_state
from textrnn.training.rules import AdamRule

ROWS, DIM, STEPS = 60, 5, 90
SETTINGS = LanguageModelSettings(
    optimizer="adamw", learning_rate=0.02, weight_decay=0.3, beta1=0.9, beta2=0.98
)
TABLES = Parts(frozenset({"table"}), {})


@pytest.fixture(autouse=True)
def small_tables_go_by_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "FEWEST_ROWS", 0)
    monkeypatch.setattr(costs, "FEWEST_NUMBERS", 0)


class Run:
    """A table and a bias that learn something, by rows or whole."""

    def __init__(
        self,
        settings: LanguageModelSettings = SETTINGS,
        *,
        by_rows: bool,
        parts: int = 1,
        size: float = 1.0,
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        self.table = torch.nn.Parameter(torch.randn(ROWS, DIM, generator=generator))
        self.bias = torch.nn.Parameter(torch.zeros(DIM))
        self._settings, self._by_rows = settings, by_rows
        self._parts, self._size = parts, size
        self.optimizer = self._optimizer()

    def _optimizer(self) -> Optimizer:
        named = {"table": self.table, "bias": self.bias}
        return make_optimizer(self._settings, named.items(), parts=TABLES, by_rows=self._by_rows)

    def step(self, step: int) -> Tensor:
        """Do an update; the rows that a step reads are few, and some are read seldom."""
        generator = torch.Generator().manual_seed(1 + step)
        uniform = torch.rand(self._parts, 4, generator=generator)
        wanted = torch.randn(self._parts, 4, DIM, generator=generator)
        self.optimizer.forget_gradients()
        for rows, target in zip((uniform**3 * ROWS).long(), wanted, strict=True):
            table, places = looked_up(self.table, rows)
            error = ((table[places] + self.bias - target) ** 2).sum()
            (self._size * error).backward()
        for group in self.optimizer.groups:
            group.rate = 0.02 * (1 - step / (3 * STEPS))
        norm = clip_gradients(self.optimizer.leaves(), 1.0)
        self.optimizer.step()
        return norm

    def stop_and_go_on(self, *, by_rows: bool) -> None:
        """Save, and go on from what was saved."""
        saved = {name: tensor.clone() for name, tensor in self.optimizer.tensors().items()}
        table = self.table.detach().clone()
        self.table, self._by_rows = torch.nn.Parameter(table), by_rows
        self.optimizer = self._optimizer()
        self.optimizer.load(saved)

    def weights(self) -> Tensor:
        """Return what the table stands for."""
        return self.optimizer.settled().get("table", self.table.detach().clone())


def steps(*runs: Run, count: int = STEPS) -> Iterator[int]:
    for step in range(count):
        norms = [run.step(step) for run in runs]
        torch.testing.assert_close(norms, norms[:1] * len(norms), rtol=1e-4, atol=1e-6)
        yield step


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        dataclasses.replace(SETTINGS, optimizer="adam", weight_decay=0.0),
        dataclasses.replace(SETTINGS, beta1=0.0),
        dataclasses.replace(SETTINGS, optimizer="muon"),
    ],
    ids=["adamw", "adam", "no momentum", "muon"],
)
def test_rows_learn_what_the_whole_table_learns(
    settings: LanguageModelSettings, parts: int
) -> None:
    whole = Run(settings, by_rows=False, parts=parts)
    by_rows = Run(settings, by_rows=True, parts=parts)
    for step in steps(whole, by_rows):
        if step % 30 == 29:
            torch.testing.assert_close(by_rows.weights(), whole.weights(), rtol=1e-4, atol=1e-5)
    # Between updates most rows are behind: that is what is saved.
    assert not torch.allclose(by_rows.table, whole.table, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("size", "most"), [(1e-3, 1e-5), (1e-5, 1e-3), (1e-6, 0.01)])
def test_gradients_so_small_that_epsilon_tells(size: float, most: float) -> None:
    whole, by_rows = Run(by_rows=False, size=size), Run(by_rows=True, size=size)
    before = whole.table.detach().clone()
    for step in steps(whole, by_rows):
        if step % 10 == 4:
            apart = (by_rows.weights() - whole.weights()).norm()
            assert apart < most * (whole.weights() - before).norm()


def test_more_updates_than_a_row_may_miss() -> None:
    whole, by_rows = Run(by_rows=False), Run(by_rows=True)
    for _ in steps(whole, by_rows, count=MOST_MISSED + 5):
        pass
    torch.testing.assert_close(by_rows.weights(), whole.weights(), rtol=1e-3, atol=1e-4)
    seen = by_rows.optimizer.tensors()["table/seen"]
    assert seen.max() == by_rows.optimizer.tensors()["table/noted"] == 5


def test_a_stop_changes_no_bit() -> None:
    unbroken, stopped = Run(by_rows=True), Run(by_rows=True)
    for step in steps(unbroken, stopped):
        if step % 20 == 7:
            stopped.weights()
            stopped.stop_and_go_on(by_rows=True)
    assert torch.equal(stopped.weights(), unbroken.weights())
    saved = (run.optimizer.tensors() for run in (stopped, unbroken))
    assert all(torch.equal(*pair) for pair in zip(*(one.values() for one in saved), strict=True))


@pytest.mark.parametrize("first", [True, False])
def test_a_run_goes_on_by_rows_or_whole_whatever_it_was(first: bool) -> None:
    whole, changed = Run(by_rows=False), Run(by_rows=first)
    for step in steps(whole, changed):
        if step == 40:
            changed.stop_and_go_on(by_rows=not first)
    torch.testing.assert_close(changed.weights(), whole.weights(), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_made_up_for_is_updated_whole() -> None:
    for other in (
        dataclasses.replace(SETTINGS, optimizer="adam"),
        dataclasses.replace(SETTINGS, beta1=0.99, beta2=0.9),
        dataclasses.replace(SETTINGS, optimizer="sgd"),
        dataclasses.replace(SETTINGS, ema_decay=0.9),
    ):
        assert not updates_rows(other, torch.device("cpu"), 1)
    assert updates_rows(SETTINGS, torch.device("cpu"), 1)
    assert not updates_rows(SETTINGS, torch.device("cpu"), 2)
    assert not updates_rows(SETTINGS, torch.device("cuda"), 1)


def test_groups_that_rest_count_in_no_norm_and_stay_what_they_are() -> None:
    run = Run(by_rows=True)
    before = run.table.detach().clone()
    table, places = looked_up(run.table, torch.tensor([3]))
    table[places].sum().backward()
    for group in run.optimizer.groups:
        group.rate = 0.0
    run.optimizer.rest()
    assert run.optimizer.leaves() == []
    run.optimizer.step()
    assert torch.equal(run.weights(), before)


def test_a_reader_that_asks_for_no_rows_is_found_out() -> None:
    run = Run(by_rows=True)
    run.table.sum().backward()
    with pytest.raises(RuntimeError, match="table is read otherwise than by rows"):
        run.optimizer.step()


def test_a_table_on_another_device_is_settled_too() -> None:
    run = Run(by_rows=True)
    for _ in steps(run, count=20):
        pass
    rule = AdamRule((SETTINGS.beta1, SETTINGS.beta2), decoupled=True)
    kept = {
        name.partition("/")[2]: tensor
        for name, tensor in run.optimizer.tensors().items()
        if name.startswith("table/")
    }
    table, expected = torch.nn.Parameter(run.table.detach().clone()), run.weights()
    own = settled_state(table, rule, kept)
    assert own.keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert torch.equal(table, expected)
    # It is a plain parameter.
    assert looked_up(table, torch.tensor([1]))[0] is table


def test_showing_changes_nothing() -> None:
    run = Run(by_rows=True)
    for _ in steps(run, count=20):
        pass
    before, saved = run.table.detach().clone(), run.optimizer.tensors()
    expected = run.weights()
    shown = run.optimizer.show()
    assert torch.equal(run.table, expected)
    assert not torch.equal(run.table, before)
    run.optimizer.hide(shown)
    assert torch.equal(run.table, before)
    again = run.optimizer.tensors()
    assert all(torch.equal(again[name], tensor) for name, tensor in saved.items())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seen", torch.zeros(3)),
        ("missed", torch.zeros(2, 2)),
        ("noted", None),
        ("step", torch.tensor(-1.0)),
    ],
)
def test_damaged_states_are_refused(key: str, value: Tensor | None) -> None:
    run = Run(by_rows=True)
    run.step(0)
    saved = run.optimizer.tensors()
    if value is None:
        del saved[f"table/{key}"]
    else:
        saved[f"table/{key}"] = value
    with pytest.raises(ValueError, match=f"table/{key}"):
        run.optimizer.load(saved)
