"""Every byte of a model may be another: refused with one clear line, or it does no harm.

First with digests left as they were, which must show every change; then with digests forged, so that the
bytes reach what is behind them: JSON, safetensors, sentencepiece, the optimiser's kernels.
"""

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.hostile_forging import JOBS, lay_out, reseal
from faults.hostile_pool import Opener, commands

from textrnn import bundle, records
from textrnn.errors import ModelError

RESUMED_SHARE = 0.15
"""Of the forged cases, those in the folder of the training state, each of which costs a tenth of a second."""


def files_of(model: Path) -> tuple[list[Path], list[Path]]:
    """Return the files that a model is used by, and those that only a resumed run reads."""
    found = [
        path.relative_to(model)
        for path in sorted(model.rglob("*"))
        if path.is_file() and path.name not in (".lock", bundle.LOG)
    ]
    return (
        [name for name in found if name.parent.name != "resume"],
        [name for name in found if name.parent.name == "resume"],
    )


def flip(path: Path, rng: random.Random) -> str:
    """Change a byte of a file; beginnings, where headers are, come twice as often. Return which."""
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content) if rng.random() < 0.6 else min(len(content), 1500))
    mask = rng.choice([0x01, 0x80, 0xFF, rng.randrange(1, 256)])
    content[place] ^= mask
    path.write_bytes(content)
    return f"{path.name}, byte {place}, mask {mask:#x}"


def open_wholly(model: Path) -> dict[str, Any]:
    """Open a model and its training state; return both records."""
    config = bundle.open_bundle(model).config
    return {"config": config, "state": records.read_record(model / bundle.RESUME, bundle.STATE)}


def count_unsigned(
    job: str, folder: Path, places: Callable[[int], range], seed: int
) -> Counter[str]:
    """Flip bytes and leave the digests; return how often that was refused, or did not matter."""
    model = lay_out(job, folder)
    sound = open_wholly(model)
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for name in [name for some in files_of(model) for name in some]:
        path = model / name
        content = path.read_bytes()
        for place in places(len(content)):
            changed = bytearray(content)
            changed[place] ^= rng.randrange(1, 256)
            path.write_bytes(changed)
            try:
                found = open_wholly(model)
            except ModelError as error:
                outcomes["refused" if "\n" not in str(error) else "refused in several lines"] += 1
            else:
                # White space between JSON's tokens carries nothing.
                assert found == sound, f"{name}, byte {place}"
                assert path.suffix == ".json"
                outcomes["harmless"] += 1
        path.write_bytes(content)
    return outcomes


def count_forged(
    job: str, folder: Path, count: int, seed: int, opener: Opener, seconds: float = 1e9
) -> Counter[str]:
    """Flip a byte and forge the digests, many times; return how the commands ended."""
    sound = lay_out(job, folder / "sound")
    used, resumed = files_of(sound)
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    case = folder / "case"
    for _ in range(count):
        if time.monotonic() > until:
            break
        shutil.rmtree(case, ignore_errors=True)
        model = case / job
        shutil.copytree(sound, model)
        is_resumed = rng.random() < RESUMED_SHARE
        name = rng.choice(resumed if is_resumed else used)
        what = flip(model / name, rng)
        reseal(model, name)
        runs, faults = opener.ask(commands(job, model, "resume" if is_resumed else "use"))
        assert not faults, f"{what}: {faults[0]}"
        outcomes["refused" if runs[0]["code"] else "another model"] += 1
    return outcomes


@pytest.mark.parametrize("job", JOBS)
def test_a_changed_byte_is_seen(job: str, tmp_path: Path) -> None:
    outcomes = count_unsigned(job, tmp_path, lambda size: range(7, size, max(1, size // 8)), 1)
    assert outcomes["refused"] > 5 * outcomes["harmless"]
    assert not outcomes["refused in several lines"]


@pytest.mark.parametrize("job", JOBS)
def test_a_changed_byte_with_a_forged_digest_does_no_harm(
    job: str, tmp_path: Path, opener: Opener
) -> None:
    outcomes = count_forged(job, tmp_path, 8, 3, opener)
    assert outcomes["refused"]
    assert outcomes.total() == 8


@pytest.mark.faults
@pytest.mark.parametrize("job", JOBS)
def test_each_changed_byte_is_seen(
    job: str, tmp_path: Path, keep_figures: Callable[[str, dict[str, Any]], None]
) -> None:
    outcomes = count_unsigned(job, tmp_path, lambda size: range(0, size, max(1, size // 2500)), 2)
    keep_figures(f"flips {job}, digests left", dict(outcomes))
    assert outcomes["refused"] > 5000


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("job", JOBS)
def test_many_changed_bytes_with_forged_digests_do_no_harm(
    job: str,
    seed: int,
    tmp_path: Path,
    opener: Opener,
    keep_figures: Callable[[str, dict[str, Any]], None],
) -> None:
    outcomes = count_forged(job, tmp_path, 2500, 100 + seed, opener, seconds=100)
    keep_figures(f"flips {job}, digests forged, {seed}", json.loads(json.dumps(outcomes)))
    assert outcomes["refused"]
