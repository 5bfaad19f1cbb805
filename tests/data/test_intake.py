import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from textrnn.data.intake import TextFile, take_in
from textrnn.data.sources import expand_inputs
from textrnn.errors import DataError

OLD_NS = 1_000_000_000 * 10**9


def taken(folder: Path, *inputs: str, encoding: str = "utf-8") -> tuple[list[TextFile], list[str]]:
    lines: list[str] = []
    cache = folder / "cache"
    work = cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    sources = expand_inputs(inputs)
    files = take_in(sources, encoding, work=work, cache=cache, report=lines.append)
    return files, lines


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_files_get_the_digest_of_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    (file,), _ = taken(tmp_path, str(path))
    assert (file.name, file.origin, file.sha256) == (str(path), str(path), sha256(b"one"))
    assert file.stamp.size == 3


def test_a_file_left_alone_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    taken(tmp_path, str(path))
    (note,) = (tmp_path / "cache" / "notes").iterdir()
    # What the note says instead of what the file says shows that the file was not read.
    note.write_text(note.read_text().replace(sha256(b"one"), "remembered"))
    assert taken(tmp_path, str(path))[0][0].sha256 == "remembered"


def test_new_content_is_noticed_though_size_and_time_are_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    taken(tmp_path, str(path))
    path.write_bytes(b"two")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    assert taken(tmp_path, str(path))[0][0].sha256 == sha256(b"two")


def test_a_file_just_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    taken(tmp_path, str(path))
    notes = tmp_path / "cache" / "notes"
    assert not notes.exists() or not list(notes.iterdir())


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    taken(tmp_path, str(path))
    (note,) = (tmp_path / "cache" / "notes").iterdir()
    for content in ("", "[1]", json.dumps({str(path): 3}), "\0"):
        note.write_text(content)
        assert taken(tmp_path, str(path))[0][0].sha256 == sha256(b"one")


def test_a_pipe_is_copied(tmp_path: Path) -> None:
    pipe, path = tmp_path / "pipe", tmp_path / "a.txt"
    os.mkfifo(pipe)
    path.write_bytes(b"one")
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"x" * 3_000_000))
    writer.start()
    files, _ = taken(tmp_path, str(pipe), str(path))
    writer.join()
    assert [file.name for file in files] == [str(pipe), str(path)]
    assert files[0].path.read_bytes() == b"x" * 3_000_000
    assert (files[0].origin, files[0].stamp.size) == (None, 3_000_000)
    assert files[0].sha256 == sha256(b"x" * 3_000_000)


def test_stdin_is_copied(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from test_intake import taken\n"
        "(file,), _ = taken(Path(sys.argv[1]), sys.argv[2])\n"
        "print(file.name, file.origin, file.sha256, file.path.read_bytes())"
    )
    content = b"a\r\nb"
    digest = sha256(content)
    for name, expected in (("-", "stdin"), ("/dev/stdin", "/dev/stdin")):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), name],
            input=content,
            capture_output=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            },
        )
        assert done.stderr == b""
        assert done.stdout.decode().strip() == f"{expected} None {digest} {content!r}"


def test_what_is_no_text_is_left_out_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"one")
    (folder / "b.png").write_bytes(b"\x89PNG\0\0")
    (folder / "c.pdf").write_bytes(b"%PDF-1.4")
    files, lines = taken(tmp_path, str(folder))
    assert [file.name for file in files] == [str(folder / "a.txt")]
    assert [line.split(",")[0] for line in lines] == [
        f"{folder / 'b.png'}: left out",
        f"{folder / 'c.pdf'}: left out",
    ]
    (folder / "a.txt").unlink()
    with pytest.raises(DataError, match=r"no text among the files found, such as .*b\.png"):
        taken(tmp_path, str(folder))


def test_a_file_that_is_named_is_not_left_out(tmp_path: Path) -> None:
    path = tmp_path / "b.png"
    path.write_bytes(b"\x89PNG\0\0")
    assert len(taken(tmp_path, str(path))[0]) == 1


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    sources = expand_inputs([str(path)])
    path.unlink()
    with pytest.raises(DataError, match=r"a\.txt: cannot be read: No such file"):
        take_in(sources, "utf-8", work=tmp_path, cache=tmp_path, report=print)
