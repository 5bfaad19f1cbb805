"""Full disks, folders that cannot be written or were moved away: what was saved stays, the run goes on."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.disks import SmallDisk, read_only
from faults.harness import JOBS, Child, Job, Zygote, write_data
from faults.leftovers import look_at
from faults.unbroken import Unbroken, require_whole

PAGE = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    with SmallDisk(place, 8 << 20) as small:
        yield small


def endless(job: Job, model: Path) -> tuple[str, ...]:
    """Return the command of a run that ends when it is told to."""
    return job.train("-o", str(model), "-q", steps=1_000_000)


def stop(child: Child) -> None:
    """Let a run save and end."""
    child.send(signal.SIGINT)
    assert child.wait() == 130, child.err.read_text()


def holds_on_full_disk(
    zygote: Zygote, job: Job, folder: Path, disk: SmallDisk, whole: Unbroken, leave: int
) -> str:
    """Run with so much room, make room, go on to the end; return what became of the first run."""
    model = disk.path / "model"
    disk.fill(leave)
    ran = zygote.run(folder, *job.train("-o", str(model)))
    said = ran.err.read_text()
    if ran.code == 0:
        disk.clear()
        assert look_at(model) == whole.last
        shutil.rmtree(model)
        return "ended"
    assert ran.code == 1
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "cannot be written: No space left on device" in last
    assert "make room" in last
    is_saved = (model / "config.json").exists()
    if is_saved:
        left = require_whole(model, whole)
        assert f"what was saved at step {left.resume_step:,} is whole" in last
        assert f"--resume {model}" in last
        # Nothing half written takes up the room that there is.
        named = {"weights-": 2 if left.step < left.resume_step else 1, "last-": 1}
        for kind, most in named.items():
            assert len(list(model.rglob(f"{kind}*"))) <= most
        assert not list(model.rglob("*.part"))
    disk.clear()
    again = ("train", job.command, "--resume", str(model), "--json")
    if not is_saved:
        again = job.train("-o", str(model), "--force")
    ended = zygote.run(folder, *again)
    assert ended.code == 0, ended.err.read_text()
    assert look_at(model) == whole.last
    shutil.rmtree(model)
    return "failed after the first save" if is_saved else "failed before the first save"


@pytest.mark.faults
def test_a_disk_too_small_for_a_second_save(zygote: Zygote, folder: Path, disk: SmallDisk) -> None:
    job = JOBS["lm"]
    whole = Unbroken(zygote, job, folder / "whole")
    size = sum(path.stat().st_size for path in whole.model.rglob("*") if path.is_file())
    became = holds_on_full_disk(zygote, job, folder, disk, whole, leave=size + 8 * PAGE)
    assert became == "failed after the first save"


@pytest.mark.faults
def test_disks_of_every_size(
    zygote: Zygote, job: Job, folder: Path, disk: SmallDisk, keep_figures: Callable
) -> None:
    whole = Unbroken(zygote, job, folder / "whole")
    size = sum(path.stat().st_size for path in whole.model.rglob("*") if path.is_file())
    became: dict[str, int] = {}
    for leave in range(0, 3 * size + 24 * PAGE, max(PAGE, size // (8 * PAGE) * PAGE)):
        how = holds_on_full_disk(zygote, job, folder, disk, whole, leave)
        became[how] = became.get(how, 0) + 1
    assert len(became) == 3, became
    keep_figures(f"full disks, {job.command}", {**became, "model_bytes": size})


def test_a_run_goes_on_once_there_is_room(zygote: Zygote, folder: Path, disk: SmallDisk) -> None:
    job, model = JOBS["lm"], disk.path / "model"
    child = zygote.start(folder, *endless(job, model))
    child.wait_for("saved", 3)
    disk.fill()
    failed = child.wait_for("save_failed")
    assert f"{model}/" in failed["reason"]
    assert failed["reason"].endswith(": cannot be written: No space left on device")
    assert require_whole(model).resume_step == failed["saved_step"] < failed["step"]
    child.wait_for("save_failed", 3)
    disk.clear()
    goes_on(child, failed["step"])
    stop(child)
    require_whole(model, least_step=failed["step"] + 1)
    warnings = child.err.read_text()
    # Told once, and once more when all is well again.
    assert warnings.count("No space left on device; what was saved at step") == 1
    assert warnings.count("saved again") == 1
    assert warnings.count("log.jsonl: cannot be written") <= 1
    # The log waited: every line is there, and whole.
    log = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    kinds = ("saved", "save_failed", "evaluated")
    told, logged = (
        [event for event in events if event["event"] in kinds] for events in (child.events(), log)
    )
    assert told == logged


def goes_on(child: Child, step: int) -> None:
    """Wait until a run has saved a step after this one."""
    count = 1
    while child.wait_for("saved", count)["step"] <= step:
        count += 1


def test_a_folder_that_becomes_read_only(zygote: Zygote, folder: Path) -> None:
    job, model = JOBS["lm"], folder / "model"
    child = zygote.start(folder, *endless(job, model))
    try:
        child.wait_for("saved", 3)
        with read_only(model / "resume", model):
            failed = child.wait_for("save_failed")
            assert "cannot be written" in failed["reason"]
            assert require_whole(model).resume_step >= failed["saved_step"]
        goes_on(child, failed["step"])
    finally:
        stop(child)
    require_whole(model, least_step=failed["step"] + 1)


def test_a_folder_that_cannot_be_written_is_told_before_training(
    zygote: Zygote, folder: Path
) -> None:
    (folder / "shelf").mkdir()
    with read_only(folder / "shelf"):
        refused = zygote.run(folder, *JOBS["lm"].train("-o", "shelf/model"))
    assert refused.code == 1
    last = refused.err.read_text().splitlines()[-1]
    assert last.startswith("Error: shelf/model/resume: cannot be written: ") or last.startswith(
        "Error: shelf/model: cannot be written: "
    )
    assert last.endswith("make it writable, or choose another directory with --output")


def test_a_folder_that_was_moved_away(zygote: Zygote, folder: Path) -> None:
    """And another model put in its place, which the run leaves alone."""
    job = JOBS["lm"]
    whole = Unbroken(zygote, job, folder / "whole")
    model, elsewhere = folder / "model", folder / "elsewhere"
    child = zygote.start(folder, *endless(job, Path("model")))
    child.wait_for("saved", 3)
    model.rename(elsewhere)
    failed = child.wait_for("save_failed")
    assert failed["reason"] == (
        "model: cannot be written: the directory was moved away, deleted or replaced"
    )
    require_whole(elsewhere)
    shutil.copytree(whole.model, model)
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    child.wait_for("save_failed", 3)
    # It is still one run's: nobody else may go on with it.
    resume = ("train", "lm", "--resume")
    assert "another run is writing" in zygote.run(folder, *resume, "elsewhere").err.read_text()
    assert before == {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    shutil.rmtree(model)
    elsewhere.rename(model)
    goes_on(child, failed["step"])
    model.rename(elsewhere)
    child.send(signal.SIGTERM)
    assert child.wait() == 1
    said = child.err.read_text().splitlines()[-1]
    step = look_at(elsewhere).resume_step
    assert f"what was saved at step {step:,} is whole: put it back" in said
    more = zygote.run(folder, *resume, "elsewhere", "--max-steps", "3", "-q")
    assert more.code == 0, more.err.read_text()
    require_whole(elsewhere, least_step=step + 3)


@pytest.mark.faults
def test_an_end_that_cannot_be_saved_is_a_failure(
    zygote: Zygote, folder: Path, disk: SmallDisk
) -> None:
    model = disk.path / "model"
    child = zygote.start(folder, *endless(JOBS["classifier"], model))
    child.wait_for("saved", 3)
    disk.fill()
    child.wait_for("save_failed")
    child.send(signal.SIGINT)
    assert child.wait() == 1
    left = require_whole(model)
    said = child.err.read_text().splitlines()[-1]
    assert f"what was saved at step {left.resume_step:,} is whole: make room" in said
    write_data(folder)
    disk.clear()
    resumed = zygote.run(
        folder, "train", "classifier", "--resume", str(model), "--max-steps", "3", "-q"
    )
    assert resumed.code == 0
