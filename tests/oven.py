"""Settings that tests of the settings system make: of every type and range."""

from __future__ import annotations

import dataclasses

from textrnn.config import setting


@dataclasses.dataclass(frozen=True)
class Oven:
    """Settings of every type and range."""

    fuel: str = setting("wood", "What burns.", section="fire", choices=("wood", "gas"))
    label: str = setting("", "Any text.", section="fire")
    degrees: int | None = setting(None, "Heat.", section="fire", minimum=50, maximum=300)
    seed: int = setting(0, "Seed.", section="bread", minimum=0, maximum=2**63 - 1)
    loaves: int = setting(1, "Loaves.", section="bread", minimum=1)
    salt: float = setting(0.02, "Share of salt.", section="bread", minimum=0, below=1)
    hours: float | None = setting(None, "Time.", section="bread", above=0)
    at_most: float = setting(1.5, "A limit.", section="bread", maximum=2)
    crust: bool = setting(True, "Whether it is crisp.", section="bread")
    other: int = 7


BAKED = Oven(seed=2**63 - 1, crust=False, label='a "b"\n\x7f é', degrees=250)
