import os
import socket
from pathlib import Path

import pytest

from textrnn.data.sources import TextSource, expand_inputs, printable
from textrnn.errors import DataError, UsageError


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(sources: list[TextSource], folder: Path) -> list[str]:
    return [str(source.path and source.path.relative_to(folder)) for source in sources]


def test_inputs_keep_their_order(tmp_path: Path) -> None:
    make(tmp_path, "b.txt", "a.txt")
    sources = expand_inputs([str(tmp_path / "b.txt"), "-", str(tmp_path / "a.txt")])
    assert [source.name for source in sources] == [
        str(tmp_path / "b.txt"),
        "stdin",
        str(tmp_path / "a.txt"),
    ]
    assert [source.once for source in sources] == [False, True, False]
    assert sources[1].path is None


def test_a_folder_gives_its_visible_files_sorted_by_path(tmp_path: Path) -> None:
    make(tmp_path, "b.txt", "a/z.txt", "a/b/c.md", "a.txt", ".hidden", ".git/config", "a/.x", "ü")
    sources = expand_inputs([str(tmp_path)])
    assert names(sources, tmp_path) == ["a/b/c.md", "a/z.txt", "a.txt", "b.txt", "ü"]
    assert all(source.from_folder for source in sources)


def test_what_is_given_twice_is_used_once_and_said(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "sub/b.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    lines: list[str] = []
    a = str(tmp_path / "a.txt")
    sources = expand_inputs(
        ["-", a, str(tmp_path), a, str(tmp_path / "link.txt"), "-"], lines.append
    )
    assert [source.name for source in sources] == ["stdin", a, str(tmp_path / "sub" / "b.txt")]
    assert lines == [
        f"{a}: given twice, used once",
        f"{tmp_path / 'link.txt'}: given twice, used once",
        "stdin: given twice, used once",
    ]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    make(tmp_path, "a/x.txt", "b/y.txt")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b" / "self").symlink_to(tmp_path / "b", target_is_directory=True)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert names(expand_inputs([str(tmp_path)]), tmp_path) == ["a/x.txt", "b/y.txt"]


def test_links_to_other_folders_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/x.txt", "here/y.txt")
    (tmp_path / "here" / "other").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = expand_inputs([str(tmp_path / "here")])
    assert names(found, tmp_path) == ["here/other/x.txt", "here/y.txt"]


def test_a_pipe_can_be_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (source,) = expand_inputs([str(tmp_path / "pipe")])
    assert source.once
    with pytest.raises(DataError, match="no files in this folder"):
        expand_inputs([str(tmp_path)])


def test_missing_inputs_name_their_neighbour(tmp_path: Path) -> None:
    make(tmp_path, "sonnets.txt")
    with pytest.raises(DataError, match=r"sonets\.txt: no such file.*did you mean sonnets\.txt\?"):
        expand_inputs([str(tmp_path / "sonets.txt")])
    with pytest.raises(DataError, match=r"no such file or folder$"):
        expand_inputs([str(tmp_path / "no" / "where.txt")])


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no files in this folder"):
        expand_inputs([str(tmp_path / "empty")])
    make(tmp_path, "file")
    with pytest.raises(DataError, match="cannot be read: Not a directory"):
        expand_inputs([str(tmp_path / "file" / "below")])
    with pytest.raises(DataError, match="cannot be read"):
        expand_inputs(["a\0b"])
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        expand_inputs(["x" * 5000])


def test_a_socket_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(DataError, match="neither a file nor a folder nor a pipe"):
            expand_inputs(["socket"])


@pytest.mark.parametrize("inputs", [[], [""], ["-", ""]])
def test_no_input_is_wrong_usage(inputs: list[str]) -> None:
    with pytest.raises(UsageError, match="give a file, a folder, or -"):
        expand_inputs(inputs)


def test_names_are_printable(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("x")
    except OSError:
        pytest.skip("the file system takes Unicode names only")
    (source,) = expand_inputs([str(tmp_path)])
    assert source.name.endswith("caf\\xe9.txt")
    assert source.path is not None
    assert source.path.read_text() == "x"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a b é.txt", "a b é.txt"), ("a\nb\x1b[1m", "a\\nb\\x1b[1m"), ("\ud800", "'\\ud800'")],
)
def test_names_hold_nothing_that_a_terminal_obeys(name: str, shown: str) -> None:
    assert printable(Path(name)) == shown
