"""What a forger may write into ``config.json`` and ``state.json``: told in one clear line or of no effect."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.hostile_forging import JOBS, STATE, lay_out, read, write
from faults.hostile_pool import Opener, commands
from faults.hostile_values import changed, places

CONFIG = Path("config.json")
OPENINGS = [
    (CONFIG, ("use", "info", "finished")),
    (CONFIG, ("resume",)),
    (CONFIG, ("init",)),
    (STATE, ("finished", "resume", "info")),
]


def count(
    job: str,
    record: Path,
    names: tuple[str, ...],
    folder: Path,
    most: int,
    seed: int,
    opener: Opener,
    seconds: float = 1e9,
) -> Counter[str]:
    """Open models with a record that was changed in one place; return how the commands ended."""
    sound = lay_out(job, folder / "sound")
    content = read(sound / record)
    rng = random.Random(seed)
    cases = [
        (place, kind, new)
        for place in places(content)
        if place != ("digest",)
        for kind, new in changed(content, place)
    ]
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    case = folder / "case"
    for place, kind, new in rng.sample(cases, min(most, len(cases))):
        if time.monotonic() > until:
            break
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(sound, case / job)
        write(case / job / record, new)
        runs, faults = opener.ask(commands(job, case / job, *names))
        assert not faults, f"{record} {place} {kind}: {faults[0]}"
        outcomes["refused" if any(run["code"] for run in runs) else "without effect"] += 1
    return outcomes


@pytest.mark.parametrize(
    ("job", "record", "names"),
    [(job, *OPENINGS[0]) for job in JOBS] + [(JOBS[0], *opening) for opening in OPENINGS[1:]],
    ids=[*JOBS, "resume", "init", "state"],
)
def test_a_hostile_value_is_told_or_has_no_effect(
    job: str, record: Path, names: tuple[str, ...], tmp_path: Path, opener: Opener
) -> None:
    outcomes = count(job, record, names, tmp_path, 2, 1, opener)
    assert outcomes.total() == 2


@pytest.mark.faults
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(("record", "names"), OPENINGS, ids=["use", "resume", "init", "state"])
def test_many_hostile_values_are_told_or_have_no_effect(
    job: str,
    record: Path,
    names: tuple[str, ...],
    tmp_path: Path,
    opener: Opener,
    keep_figures: Callable[[str, dict[str, Any]], None],
) -> None:
    outcomes = count(job, record, names, tmp_path, 10_000, 2, opener, seconds=25)
    keep_figures(f"values {job} {record.name} {names[0]}", dict(outcomes))
    assert outcomes["refused"]
