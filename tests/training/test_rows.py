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
from textrnn.training import optimizer as optimizers
from textrnn.training.clipping import clip_gradients
from textrnn.training.optimizer import Optimizer, make_optimizer
from textrnn.training.rows import MOST_MISSED

ROWS, DIM, STEPS = 60, 5, 90
SETTINGS = LanguageModelSettings(
    optimizer="adamw", learning_rate=0.02, weight_decay=0.3, beta1=0.9, beta2=0.98
)
TABLES = Parts(frozenset({"table"}), {})


@pytest.fixture(autouse=True)
def small_tables_go_by_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "FEWEST_NUMBERS", 0)


class Run:
    """A table and a bias that learn something, by rows or whole."""

    def __init__(
        self, settings: LanguageModelSettings = SETTINGS, *, by_rows: bool, parts: int = 1
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        self.table = torch.nn.Parameter(torch.randn(ROWS, DIM, generator=generator))
        self.bias = torch.nn.Parameter(torch.zeros(DIM))
        self._settings, self._by_rows, self._parts = settings, by_rows, parts
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
            ((table[places] + self.bias - target) ** 2).sum().backward()
        for group in self.optimizer.groups:
            group.rate = 0.02 * (1 - step / (3 * STEPS))
        norm = clip_gradients(self.optimizer.learning(), 1.0)
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
    ):
        assert not Run(other, by_rows=True).optimizer.has_tables
    assert Run(by_rows=True).optimizer.has_tables


def test_groups_that_rest_count_in_no_norm_and_stay_what_they_are() -> None:
    run = Run(by_rows=True)
    before = run.table.detach().clone()
    table, places = looked_up(run.table, torch.tensor([3]))
    table[places].sum().backward()
    for group in run.optimizer.groups:
        group.rate = 0.0
    run.optimizer.rest()
    assert run.optimizer.learning() == []
    run.optimizer.step()
    assert torch.equal(run.weights(), before)


def test_a_reader_that_asks_for_no_rows_is_found_out() -> None:
    run = Run(by_rows=True)
    run.table.sum().backward()
    with pytest.raises(RuntimeError, match="table is read otherwise than by rows"):
        run.optimizer.step()


@pytest.mark.parametrize(
    ("key", "value"),
    [("seen", torch.zeros(3)), ("missed", torch.zeros(2, 2)), ("noted", None)],
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
