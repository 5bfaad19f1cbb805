"""What the fault suite shares: a folder of texts, a starter of commands, and a file for its figures."""

import fcntl
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.harness import JOBS, Job, Zygote, write_data
from faults.hostile_pool import Opener

FIGURES = Path(os.environ.get("FAULTS_FIGURES", Path(__file__).with_name("figures.json")))


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of every command: a cache of the tests' own, one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
    cache = str(tmp_path_factory.mktemp("cache"))
    return {**kept, "TEXTRNN_CACHE": cache, "TEXTRNN_THREADS": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def zygote(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Start commands within milliseconds."""
    with Zygote(variables, tmp_path_factory.mktemp("said")) as starter:
        yield starter


@pytest.fixture(scope="session")
def opener() -> Iterator[Opener]:
    """Open hostile models in a process of its own."""
    with Opener() as started:
        yield started


@pytest.fixture(
    params=[
        "lm",
        *(pytest.param(name, marks=pytest.mark.faults) for name in ("classifier", "translator")),
    ]
)
def job(request: pytest.FixtureRequest) -> Job:
    """Each job in turn; in the short form the first one stands for all."""
    return JOBS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the texts that the jobs train on."""
    write_data(tmp_path)
    return tmp_path


@pytest.fixture
def keep_figures() -> Callable[[str, dict[str, Any]], None]:
    """Write figures of the long form down, by the name of what they are of."""

    def keep(name: str, figures: dict[str, Any]) -> None:
        with FIGURES.open("a+", encoding="utf-8") as file:
            # Several processes may share out the tests.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            found = json.loads(file.read() or "{}")
            found["machine"] = {
                "system": platform.platform(),
                "python": platform.python_version(),
                "torch": importlib.metadata.version("torch"),
            }
            found[name] = figures
            file.truncate(0)
            file.write(json.dumps(found, indent=1, sort_keys=True) + "\n")

    return keep
