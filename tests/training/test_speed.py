"""Measuring a step: in parts where memory asks for it."""

import dataclasses

import pytest
import torch

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.training.device import DeviceFacts
from textrnn.training.run import Machine
from textrnn.training.speed import measured_step_s

SETTINGS = LanguageModelSettings(batch_size=8, optimizer="sgd", learning_rate=0.1, weight_decay=0.0)
MACHINE = Machine(
    torch.device("cpu"), "float32", DeviceFacts("cpu", "a laptop", 1 << 33, 1, "float32")
)


@pytest.mark.parametrize(("most", "tried"), [(8, [8]), (3, [8, 4, 2]), (1, [8, 4, 2, 1])])
def test_what_does_not_fit_is_measured_in_parts(most, tried):
    model, asked = torch.nn.Linear(3, 1), []

    def loss(rows: int, masks: object) -> torch.Tensor:
        if rows not in asked:
            asked.append(rows)
        if rows > most:
            raise torch.OutOfMemoryError("too many rows")
        return model(torch.ones(rows, 3)).sum()

    assert measured_step_s(model, SETTINGS, MACHINE, loss) > 0
    assert asked == tried


def test_parts_that_the_settings_ask_for_are_measured_too():
    asked = []
    model = torch.nn.Linear(3, 1)

    def loss(rows: int, masks: object) -> torch.Tensor:
        asked.append(rows)
        return model(torch.ones(rows, 3)).sum()

    measured_step_s(model, dataclasses.replace(SETTINGS, accumulation=4), MACHINE, loss)
    assert set(asked) == {2}
