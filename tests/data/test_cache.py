import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from textrnn.data import cache as storage
from textrnn.data.corpus import CorpusSettings, prepare_corpus
from textrnn.errors import DataError
from textrnn.tokenizers import TokenizerSettings

DAY_S = 86_400


def prepare(folder: Path, name: str, text: str = "some text") -> None:
    (folder / name).write_text(text + name)
    prepare_corpus(
        [str(folder / name)], [], CorpusSettings(), TokenizerSettings(), cache=folder / "cache"
    )


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TEXTRNN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert storage.default_cache_dir().is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert storage.default_cache_dir() == Path("/shared/textrnn")
    monkeypatch.setenv("TEXTRNN_CACHE", "~/own")
    assert storage.default_cache_dir() == tmp_path / "own"


def test_entries_are_listed_last_used_first(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert storage.list_entries(cache) == []
    prepare(tmp_path, "a.txt")
    prepare(tmp_path, "b.txt", "more text")
    (older,) = (e for e in storage.list_entries(cache) if e.sources[0].endswith("a.txt"))
    age(cache / "corpora" / older.name / "entry.json", days=3)
    second, first = storage.list_entries(cache)
    assert (second.sources, first.sources) == (
        (str(tmp_path / "b.txt"),),
        (str(tmp_path / "a.txt"),),
    )
    now = datetime.now(timezone.utc)
    assert timedelta(0) <= now - second.created < timedelta(minutes=5)
    assert timedelta(days=2.9) < now - first.last_used < timedelta(days=3.1)
    files = [path for path in (cache / "corpora" / first.name).rglob("*") if path.is_file()]
    assert first.size_bytes == sum(path.stat().st_size for path in files)
    prepare(tmp_path, "a.txt")
    assert storage.list_entries(cache)[0].name == first.name


def test_clear_frees_what_it_says(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert storage.clear(cache) == 0
    prepare(tmp_path, "a.txt")
    prepare(tmp_path, "b.txt")
    held = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    assert storage.clear(cache) == held
    assert storage.list_entries(cache) == []
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_clear_by_age(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare(tmp_path, "a.txt")
    (entry,) = storage.list_entries(cache)
    prepare(tmp_path, "b.txt")
    age(cache / "corpora" / entry.name / "entry.json", days=10)
    assert storage.clear(cache, older_than_days=11) == 0
    assert storage.clear(cache, older_than_days=9) == entry.size_bytes
    assert [entry.sources for entry in storage.list_entries(cache)] == [(str(tmp_path / "b.txt"),)]


def test_clear_leaves_what_is_not_the_caches(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare(tmp_path, "a.txt")
    others = [
        cache / "mine.txt",
        cache / "corpora" / "mine" / "x.txt",
        cache / "notes" / "mine.json",
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    storage.clear(cache)
    assert all(path.read_text() == "mine" for path in others)


def test_an_entry_that_cannot_be_read_is_listed_and_cleared(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare(tmp_path, "a.txt")
    (entry,) = storage.list_entries(cache)
    (cache / "corpora" / entry.name / "entry.json").write_text("{")
    (listed,) = storage.list_entries(cache)
    assert (listed.name, listed.sources) == (entry.name, ())
    assert storage.clear(cache) > 0
    assert storage.list_entries(cache) == []


def test_what_a_killed_process_left_goes_after_a_while(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    left, running = cache / "work-left", cache / "work-running"
    for folder in (left, running):
        folder.mkdir(parents=True)
        (folder / "spool-0").write_bytes(b"x" * 1000)
    age(left / "spool-0", days=2)
    age(left, days=2)
    prepare(tmp_path, "a.txt")
    assert not left.exists()
    assert running.exists()
    age(running / "spool-0", days=0.1)
    age(running, days=0.1)
    assert storage.clear(cache) > 1000
    assert not running.exists()


def test_a_workspace_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), storage.workspace(tmp_path / "cache") as work:
        (work / "file").write_bytes(b"x" * (1 // 0))
    with storage.workspace(tmp_path / "cache") as work:
        (work / "file").write_text("x")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(DataError, match="set TEXTRNN_CACHE to another folder"),
        storage.workspace(tmp_path / "file" / "cache"),
    ):
        pass


def test_notes_are_replaced_whole(tmp_path: Path) -> None:
    key = "0" * 64
    assert storage.recall(tmp_path, key) == {}
    storage.remember(tmp_path, key, {"a": 1})
    storage.remember(tmp_path, key, {"b": "\ud800"})
    assert storage.recall(tmp_path, key) == {"b": "\ud800"}
    assert len(list((tmp_path / "notes").iterdir())) == 1
