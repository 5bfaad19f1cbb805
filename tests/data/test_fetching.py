import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import Web, serving

from textrnn.data.fetching import Download, fetch_file
from textrnn.errors import DataError

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as found:
        found.files["/a.bin"] = CONTENT
        yield found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetch(web: Web, folder: Path, path: str = "/a.bin", **known: object) -> Path:
    target = folder / "a.bin"
    wanted = Download("corpus:a", web.url + path, **known)  # type: ignore[arg-type]
    found = fetch_file(wanted, target, partials=folder / "partial", pause_s=0.0)
    assert found == digest(target.read_bytes())
    return target


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def kept(folder: Path) -> list[bytes]:
    return [p.read_bytes() for p in sorted((folder / "partial").iterdir()) if not p.suffix]


def test_a_file_comes_whole(web: Web, tmp_path: Path) -> None:
    target = fetch(web, tmp_path, bytes=len(CONTENT), sha256=digest(CONTENT))
    assert target.read_bytes() == CONTENT
    assert left(tmp_path) == ["a.bin"]


def test_a_wrong_digest_leaves_nothing(web: Web, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"SHA-256 is {digest(CONTENT)}, not {'0' * 64}"):
        fetch(web, tmp_path, sha256="0" * 64)
    assert left(tmp_path) == []
    assert not (tmp_path / "partial").exists()


def test_a_wrong_size_leaves_nothing(web: Web, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="256,000 bytes, not 256,001"):
        fetch(web, tmp_path, bytes=len(CONTENT) + 1)
    assert left(tmp_path) == []


def test_what_breaks_off_goes_on_where_it_stopped(web: Web, tmp_path: Path) -> None:
    web.breaks = [100_000, 50_000]
    assert fetch(web, tmp_path, sha256=digest(CONTENT)).read_bytes() == CONTENT
    assert [span for _, span in web.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_that_cannot_go_on_begins_anew(web: Web, tmp_path: Path) -> None:
    web.breaks = [100_000]
    web.ranges = False
    assert fetch(web, tmp_path, sha256=digest(CONTENT)).read_bytes() == CONTENT
    assert len(web.asked) == 2


def test_what_came_is_kept_for_the_next_command(web: Web, tmp_path: Path) -> None:
    web.breaks = [100_000, 0, 0, 0, 0, 0]
    with pytest.raises(DataError, match="broke off, with 100,000 bytes come and kept"):
        fetch(web, tmp_path)
    assert left(tmp_path) == []
    assert kept(tmp_path) == [CONTENT[:100_000]]
    web.asked.clear()
    web.breaks = []
    assert fetch(web, tmp_path, sha256=digest(CONTENT)).read_bytes() == CONTENT
    assert [span for _, span in web.asked] == ["bytes=100000-"]
    assert kept(tmp_path) == []


def test_a_file_that_changed_meanwhile_begins_anew(web: Web, tmp_path: Path) -> None:
    web.breaks = [100_000, 0, 0, 0, 0, 0]
    with pytest.raises(DataError):
        fetch(web, tmp_path)
    web.breaks = []
    web.files["/a.bin"] = CONTENT[::-1]
    assert fetch(web, tmp_path).read_bytes() == CONTENT[::-1]


def test_a_damaged_beginning_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    web.breaks = [100_000, 0, 0, 0, 0, 0]
    with pytest.raises(DataError):
        fetch(web, tmp_path)
    web.breaks = []
    (part,) = (p for p in (tmp_path / "partial").iterdir() if not p.suffix)
    part.write_bytes(b"x" * 100_000)
    assert fetch(web, tmp_path, sha256=digest(CONTENT)).read_bytes() == CONTENT


def test_refusals_and_faults_that_pass(web: Web, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.bin cannot be had: the server answers 404 Not Found"):
        fetch(web, tmp_path, "/b.bin")
    web.codes = [503, 502]
    assert fetch(web, tmp_path).read_bytes() == CONTENT
    web.codes = [503] * 9
    with pytest.raises(DataError, match="cannot be reached: the server answers 503"):
        fetch(web, tmp_path)
    assert len(web.codes) == 4


def test_without_a_network_one_attempt_is_enough(web: Web, tmp_path: Path) -> None:
    wanted = Download("corpus:a", "http://127.0.0.1:9/a.bin", advice="give a file")
    with pytest.raises(DataError, match=r"corpus:a: .* cannot be reached: .*refused; give a file"):
        fetch_file(wanted, tmp_path / "a", partials=tmp_path / "partial", pause_s=1e9)


def test_an_interrupt_keeps_what_came(web: Web, tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    web.breaks = [100_000]
    wanted = Download("corpus:a", web.url + "/a.bin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textrnn.data.fetching._REPORT_EVERY_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            fetch_file(wanted, tmp_path / "a.bin", partials=tmp_path / "partial", report=interrupt)
    assert left(tmp_path) == []
    (come,) = kept(tmp_path)
    assert come
    assert CONTENT.startswith(come)
