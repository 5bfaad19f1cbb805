import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web_server import Web, serving

from textrnn.cli.corpus import _listed
from textrnn.data import catalogue
from textrnn.data.fetched import Stored

TEXT = "the cat sees the dog and the dog runs.\n" * 40


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server, and a catalogue whose corpora lie on it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as found:
        for part, text in {"train": TEXT, "valid": TEXT[:200], "test": TEXT[:100]}.items():
            found.files[f"/{part}.txt"] = text.encode()
        files = "".join(
            f'{{ part = "{name[1:-4]}", url = "{found.url}{name}", bytes = {len(content)} }}, '
            for name, content in found.files.items()
        )
        place = tmp_path / "catalogue.toml"
        place.write_text(
            '[cats]\njob = "lm"\nabout = "cats and dogs"\nuse = "trying"\nlicence = "MIT"\n'
            'home = "https://example.org"\nunit = "characters"\ncounts = { train = 1600 }\n'
            f'download_bytes = 1900\noptions = "--tokenizer word"\nfiles = [{files}]\n'
        )
        monkeypatch.setattr(catalogue, "PLACE", place)
        yield found


def test_list_and_info(command: Callable, web: Web) -> None:
    listed = command("corpus", "list")
    assert (listed.code, listed.err) == (0, "")
    head, row = (line.split("\t") for line in listed.out.splitlines())
    assert head == ["name", "job", "bytes", "folder", "licence", "about", "use", "state"]
    assert row == ["cats", "lm", "1900", "", "MIT", "cats and dogs", "trying", ""]
    assert (
        command("corpus", "list", "--job", "lm", "--json").objects[0]["files"][0]["bytes"] == 1560
    )
    about = command("corpus", "info", "cats").out
    assert "train     textrnn train lm corpus:cats --tokenizer word\n" in about
    assert f"source    {web.url}/train.txt (compared by its size alone)\n" in about
    assert "lies in   not fetched yet\n" in about
    assert command("corpus", "info", "corpus:cats", "--json").objects[0]["folder"] is None
    wrong = command("corpus", "info", "cast")
    assert wrong.code == 2
    assert "did you mean cats?" in wrong.err


def test_a_folder_with_a_tab_in_its_name_is_one_field(
    command: Callable, web: Web, tmp_path: Path
) -> None:
    cache = {"TEXTRNN_CACHE": str(tmp_path / "a\tb")}
    assert command("corpus", "get", "cats", "--quiet", **cache).code == 0
    row = command("corpus", "list", **cache).out.splitlines()[1].split("\t")
    assert row[3].startswith(str(tmp_path / r"a\tb"))
    assert row[4:] == ["MIT", "cats and dogs", "trying", "fetched"]


def test_a_list_shows_what_is_damaged_and_leaves_it_there(
    command: Callable, web: Web, tmp_path: Path
) -> None:
    cache = {"TEXTRNN_CACHE": str(tmp_path / "cache")}
    folder = Path(command("corpus", "get", "cats", "--quiet", **cache).out.strip())
    (folder / "train.txt").write_text("cut")
    before = (folder.parent / "entry.json").stat().st_mtime_ns
    for _ in range(2):
        found = command("corpus", "list", "--json", **cache).objects[0]
        assert (found["folder"], found["state"]) == (str(folder), "damaged")
    assert "damaged; fetch it again: textrnn corpus get cats" in (
        command("corpus", "info", "cats", **cache).out
    )
    assert (folder / "train.txt").read_text() == "cut"
    assert (folder.parent / "entry.json").stat().st_mtime_ns == before
    assert command("corpus", "get", "cats", "--quiet", **cache).code == 0
    assert command("corpus", "list", "--json", **cache).objects[0]["state"] == "fetched"


def test_a_list_on_a_terminal_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    entries = list(catalogue.catalogue().values())
    folders = [Stored(Path("here"), is_whole=True), *(None for _ in entries[1:])]
    lines = ["".join(text for text, _ in line) for line in _listed(entries, folders)]
    assert max(map(len, lines)) <= 70
    assert lines[:2] == ["lm", lines[1]]
    assert lines[1].startswith(f"* {entries[0].name} ")
    whole = " ".join(" ".join(lines).split())
    for entry in entries:
        assert f"{entry.about}; " in whole
        assert entry.licence in whole


@pytest.mark.parametrize("group", ["corpus", "cache"])
def test_the_help_of_a_group_cuts_no_sentence(command: Callable, group: str) -> None:
    assert "..." not in command(group, "--help").out.partition("Commands:")[2]


def test_get_prints_where_it_lies(command: Callable, web: Web, tmp_path: Path) -> None:
    first = command("corpus", "get", "cats")
    assert first.code == 0
    folder = Path(first.out.rstrip("\n"))
    assert sorted(path.name for path in folder.iterdir()) == ["test.txt", "train.txt", "valid.txt"]
    assert (folder / "train.txt").read_text() == TEXT
    assert "train on it with: textrnn train lm corpus:cats" in first.err
    asked = len(web.asked)
    again = command("corpus", "get", "cats", "--quiet")
    assert (again.out, again.err, len(web.asked)) == (first.out, "", asked)
    row = command("corpus", "list").out.splitlines()[1].split("\t")
    assert row[3] == str(folder)

    copied = command("corpus", "get", "cats", "-o", "here", "--json").objects[0]
    assert copied["files"]["valid"] == str(Path("here") / "valid.txt")
    assert (tmp_path / "here" / "valid.txt").read_text() == TEXT[:200]
    refused = command("corpus", "get", "cats", "-o", "here")
    assert refused.code == 2
    assert "train.txt exists already; replace it with --force" in refused.err
    assert command("corpus", "get", "cats", "-o", "here", "--force").code == 0
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == [
        *("test.txt", "train.txt", "valid.txt"),
    ]
    assert command("corpus", "get", "cats", "-o", "no/where").code == 2


def test_what_cannot_be_had(command: Callable, web: Web) -> None:
    command("cache", "clear")
    del web.files["/valid.txt"]
    missing = command("corpus", "get", "cats")
    assert (missing.code, missing.out) == (1, "")
    assert "corpus:cats" in missing.err
    assert "404 Not Found; once there is a network, textrnn corpus get cats" in missing.err
    assert "Traceback" not in missing.err


def test_a_model_is_trained_on_it_and_goes_on_after_the_cache_was_cleared(
    command: Callable, web: Web, tmp_path: Path, tiny: tuple[str, ...]
) -> None:
    trained = command("train", "lm", "corpus:cats", *tiny)
    assert trained.code == 0, trained.err
    assert (tmp_path / "cats-lm" / "config.json").exists()
    assert "corpus:cats/test.txt: left out, for a test" in trained.err
    assert command("cache", "clear").code == 0
    resumed = command("train", "lm", "--resume", "cats-lm", "--max-steps", "22")
    assert resumed.code == 0, resumed.err
    assert "corpus:cats: being fetched from" in resumed.err
    measured = command("evaluate", "cats-lm", "corpus:cats", "--json")
    assert measured.objects[0]["targets"] == 100
    lines = command("evaluate", "cats-lm", "corpus:cats", "--per-line")
    assert lines.code == 2
    assert "data sets are measured as a whole" in lines.err


@pytest.mark.skipif(sys.platform == "win32", reason="no such host on POSIX alone is tried")
def test_without_a_network_one_line_says_so(
    process: Callable[..., subprocess.Popen], environment: dict[str, str], tmp_path: Path
) -> None:
    # A proxy where nobody listens: no request of the real catalogue leaves this machine.
    offline = {
        **environment,
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "hub"),
        "TEXTRNN_CACHE": str(tmp_path / "cache"),
    }
    offline.pop("no_proxy", None)
    for name in ("tinyshakespeare", "imdb"):
        run = process("corpus", "get", name, env={**os.environ, **offline})
        out, err = run.communicate()
        assert (run.returncode, out) == (1, b"")
        (error,) = [line for line in err.decode().splitlines() if line.startswith("Error: ")]
        assert f"once there is a network, textrnn corpus get {name} fetches it" in error
        assert b"Traceback" not in err
