"""Settings of the one loop: optimiser, schedule, budget, machine."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting

__all__ = ["TrainingSettings"]


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained, whatever its job."""

    optimizer: str | None = setting(
        None,
        "Optimiser; muon updates the matrices of hidden layers, and adamw the rest.",
        section="training",
        choices=("muon", "adamw", "adam", "sgd", "rmsprop"),
    )
    learning_rate: float | None = setting(
        None, "Peak learning rate.", section="training", above=0, maximum=1000
    )
    weight_decay: float | None = setting(
        None,
        "Weight decay of matrices; biases and norms are spared.",
        section="training",
        minimum=0,
        maximum=10,
    )
    momentum: float = setting(
        0.9, "Momentum of sgd and rmsprop.", section="training", minimum=0, below=1
    )
    beta1: float = setting(
        0.9, "First moment's decay (adam, adamw, muon).", section="training", minimum=0, below=1
    )
    beta2: float = setting(
        0.98, "Second moment's decay (adam, adamw, muon).", section="training", minimum=0, below=1
    )
    schedule: str = setting(
        "cosine",
        "How the rate falls after the warm-up.",
        section="training",
        choices=("cosine", "linear", "step", "plateau", "constant"),
    )
    warmup_steps: int | None = setting(
        None, "Steps over which the rate rises to its peak.", section="training", minimum=0
    )
    decay_factor: float = setting(
        0.5,
        "What the step and plateau schedules multiply the rate with.",
        section="training",
        above=0,
        below=1,
    )
    decay_every: int = setting(
        1000, "Steps between two decays of the step schedule.", section="training", minimum=1
    )
    plateau_patience: int = setting(
        2,
        "Evaluations without a new best after which the plateau schedule decays the rate.",
        section="training",
        minimum=0,
    )
    grad_clip: float = setting(
        1.0,
        "Greatest norm of the whole gradient; 0 clips nothing.",
        section="training",
        minimum=0,
    )
    batch_size: int | None = setting(None, "Sequences in a batch.", section="training", minimum=1)
    accumulation: int = setting(
        1,
        "Parts in which a batch is worked off, to save memory.",
        section="training",
        minimum=1,
        on_resume=True,
    )
    minutes: float | None = setting(
        None,
        "Budget from the command's start to its last save.",
        section="budget",
        above=0,
        maximum=10_000_000,  # nineteen years; without one, figures made of it may be infinite
        on_resume=True,
    )
    epochs: float | None = setting(
        None,
        "Budget in passes over the training data.",
        section="budget",
        above=0,
        maximum=10_000_000,
        on_resume=True,
    )
    max_steps: int | None = setting(
        None, "Budget in optimiser updates.", section="budget", minimum=1, on_resume=True
    )
    patience: int | None = setting(
        None,
        "Evaluations without a new best after which training stops early; 0 never stops early.",
        section="budget",
        minimum=0,
        on_resume=True,
    )
    eval_every: int | None = setting(
        None, "Steps between two evaluations.", section="training", minimum=1
    )
    save_every: int | None = setting(
        None, "Steps between two saves of the state to resume from.", section="training", minimum=1
    )
    ema_decay: float = setting(
        0.0,
        "Decay of an exponential moving average of the weights, which is then what is evaluated and "
        "kept; 0 keeps the weights themselves.",
        section="training",
        minimum=0,
        below=1,
    )
    seed: int = setting(
        0, "Seed of every random choice.", section="training", minimum=0, maximum=2**63 - 1
    )
    device: str = setting(
        "auto", "Device: auto, cpu, cuda, cuda:N or mps.", section="machine", on_resume=True
    )
    precision: str = setting(
        "auto",
        "Arithmetic of training; auto takes bf16 where the device is good at it.",
        section="machine",
        choices=("auto", "float32", "bf16"),
        on_resume=True,
    )
    threads: int | None = setting(
        None, "CPU threads.", section="machine", minimum=1, maximum=1024, on_resume=True
    )
