import dataclasses
import gzip
import math
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.cache import clear, list_entries
from textrnn.data.corpus import Corpus, CorpusSettings, open_corpus, prepare_corpus, prepare_text
from textrnn.data.store import TokenStore
from textrnn.errors import DataError, UsageError
from textrnn.tokenizers import CharTokenizer, Tokenizer, TokenizerSettings

TEXT = "The sea is wide.\r\nÀ bientôt — 😀!\r\n\r\n" * 7


class Bench:
    """A folder with files and a cache, and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.lines: list[str] = []

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def prepare(
        self,
        inputs: Sequence[str],
        valid: Sequence[str] = (),
        tokenizer: str | Tokenizer = "char",
        **settings: Any,
    ) -> Corpus:
        self.lines.clear()
        return prepare_corpus(
            inputs,
            valid,
            CorpusSettings(**settings),
            TokenizerSettings(tokenizer=tokenizer) if isinstance(tokenizer, str) else tokenizer,
            cache=self.cache,
            report=self.lines.append,
        )

    def refusal(self, *args: Any, **settings: Any) -> str:
        with pytest.raises(DataError) as caught:
            self.prepare(*args, **settings)
        assert not list(self.cache.glob("work-*"))
        return str(caught.value)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def texts(store: TokenStore, tokenizer: Tokenizer) -> list[str]:
    parts = np.split(store.ids, store.starts[1:]) if len(store.starts) else []
    return [tokenizer.decode(part) for part in parts]


def both(corpus: Corpus) -> tuple[list[str], list[str]]:
    return texts(corpus.train, corpus.tokenizer), texts(corpus.valid, corpus.tokenizer)


# Division


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
@pytest.mark.parametrize("length", [1000, 1_115_394])
def test_the_end_of_a_file_is_validation(bench: Bench, tokenizer: str, length: int) -> None:
    text = (TEXT.replace("\r", "") * (length // 200 + 1))[:length]
    corpus = bench.prepare([bench.write("a.txt", text)], tokenizer=tokenizer)
    cut = int(length * (1.0 - 0.1))
    assert length != 1_115_394 or cut == 1_003_854
    assert both(corpus) == ([text[:cut]], [text[cut:]])
    assert (corpus.train.characters, corpus.valid.characters) == (cut, length - cut)


def test_every_file_is_divided(bench: Bench) -> None:
    inputs = [
        bench.write("b.txt", "b" * 30),
        bench.write("sub/a.txt.gz", gzip.compress(b"a" * 20)),
        bench.write("sub/c", "c"),
        bench.write("d", "d\r\n"),
    ]
    corpus = bench.prepare([inputs[0], str(bench.folder / "sub"), inputs[3]])
    assert both(corpus) == (["b" * 27, "a" * 18, "d"], ["b" * 3, "a" * 2, "c", "\n"])
    assert [source.name for source in corpus.sources] == inputs
    assert [source.path for source in corpus.sources] == inputs
    assert corpus.sources[0].bytes == 30


@given(
    st.lists(st.sampled_from(["", "a", "bb", "ccc"]), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.05, 0.1, 0.29, 1 / 3, 0.5]),
)
def test_lines_are_divided_evenly(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], fraction: float
) -> None:
    bench = Bench(tmp_path_factory.mktemp("lines"))
    path = bench.write("names.txt", "\r\n".join(lines))
    kept = [line for line in lines if line]
    train, valid = [], []
    for k, line in enumerate(kept):
        chosen = math.floor((k + 1) * fraction) > math.floor(k * fraction)
        (valid if chosen else train).append(line)
    if not kept or (fraction and not valid):
        bench.refusal([path], lines=True, valid_fraction=fraction)
        return
    corpus = bench.prepare([path], lines=True, valid_fraction=fraction)
    assert both(corpus) == (train, valid)
    assert corpus.train.characters + corpus.valid.characters == sum(map(len, kept))


def test_line_ends_are_no_part_of_an_alphabet_of_lines(bench: Bench) -> None:
    path = bench.write("names.txt", "Ada\nBo\n" * 10)
    tokenizer = bench.prepare([path], lines=True).tokenizer
    assert tokenizer.unknown("Ado B\n") == [" ", "\n"]
    assert bench.prepare([path]).tokenizer.unknown("Ado B\n") == [" "]


@pytest.mark.parametrize("lines", [False, True])
def test_validation_files_of_their_own(bench: Bench, lines: bool) -> None:
    path, valid = bench.write("a.txt", "a\nb\n"), bench.write("v.txt", "c\nd\n")
    corpus = bench.prepare([path], [valid], lines=lines)
    assert both(corpus) == ((["a", "b"], ["c", "d"]) if lines else (["a\nb\n"], ["c\nd\n"]))
    assert [source.name for source in corpus.valid_sources] == [valid]
    assert corpus.valid.unknown == 0
    assert bench.lines == []


def test_only_an_alphabet_may_see_the_validation_part(bench: Bench) -> None:
    path = bench.write("a.txt", "one two " * 90 + "new new ")
    word = bench.prepare([path], tokenizer="word")
    assert (word.tokenizer.unknown("new"), word.valid.unknown) == (["new"], 2)
    char = bench.prepare([path])
    assert (char.tokenizer.unknown("two new"), char.valid.unknown) == ([], 0)


def test_validating_on_the_training_text_is_said(bench: Bench) -> None:
    path = bench.write("a.txt", "abc")
    bench.prepare([path], [path])
    assert bench.lines == [
        f"{path}: trained on as well, so that validation cannot show over-fitting"
    ]


def test_no_validation(bench: Bench) -> None:
    corpus = bench.prepare([bench.write("a.txt", "a")], valid_fraction=0.0)
    assert both(corpus) == (["a"], [])
    assert (corpus.valid.tokens, corpus.valid.characters) == (0, 0)


# Too little, or nothing


@pytest.mark.parametrize("tokenizer", ["char", "byte", "word", "bpe"])
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file(bench: Bench, content: bytes, lines: bool, tokenizer: str) -> None:
    path = bench.write("a.txt", content)
    message = bench.refusal([path], tokenizer=tokenizer, lines=lines)
    assert message.startswith(path + ": ")
    assert "give a file with text in it" in message
    assert ("is empty" in message) == (not content)


def test_a_file_of_blank_lines(bench: Bench) -> None:
    path = bench.write("a.txt", "\n\r\n\n")
    assert "no text to be found" in bench.refusal([path], lines=True)
    assert bench.prepare([path]).train.characters == 2


def test_an_empty_file_among_others_is_left_out(bench: Bench) -> None:
    paths = [bench.write("a.txt", "aa"), bench.write("b.txt", ""), bench.write("c.txt", "cc")]
    corpus = bench.prepare(paths)
    assert both(corpus) == (["a", "c"], ["a", "c"])
    assert bench.lines == [f"{paths[1]}: holds no text, left out"]


@pytest.mark.parametrize("tokenizer", ["char", "byte", "word"])
def test_a_single_character_cannot_be_divided(bench: Bench, tokenizer: str) -> None:
    path = bench.write("a.txt", "a")
    message = bench.refusal([path], tokenizer=tokenizer)
    assert message.startswith(path)
    assert "--valid-fraction 0" in message


def test_too_few_lines(bench: Bench) -> None:
    path = bench.write("names.txt", "a\nb\nc\n")
    message = bench.refusal([path], lines=True)
    assert "names.txt: 3 lines leave nothing for validation with --valid-fraction 0.1" in message
    assert "a file needs 10 lines" in message
    assert both(bench.prepare([path], lines=True, valid_fraction=0.34)) == (["a", "b"], ["c"])


def test_an_empty_validation_file(bench: Bench) -> None:
    path, valid = bench.write("a.txt", "abc"), bench.write("v.txt", "")
    for tokenizer in ("char", "byte"):
        assert bench.refusal([path], [valid], tokenizer).startswith(f"{valid}: is empty")


def test_stdin_for_both_parts(bench: Bench) -> None:
    with pytest.raises(UsageError, match="stdin cannot be both"):
        bench.prepare(["-"], ["-"])


def test_binary_and_undecodable_files(bench: Bench) -> None:
    for content, expected in ((b"a\0b", "zero byte at offset 1"), (b"ab\xff", "0xff at offset 2")):
        path = bench.write("a.txt", content)
        for lines in (False, True):
            assert expected in bench.refusal([path], lines=lines)


def test_an_unknown_encoding(bench: Bench) -> None:
    with pytest.raises(UsageError, match="unknown encoding 'utf9'"):
        bench.prepare([bench.write("a.txt", "abc")], encoding="utf9")


# The cache


def test_a_second_start_finds_the_first(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    for tokenizer in ("char", "byte", "word", "bpe"):
        first = bench.prepare([path], tokenizer=tokenizer)
        assert bench.lines == [] or "fewer" in bench.lines[0] or "instead" in bench.lines[0]
        second = bench.prepare([path], tokenizer=tokenizer)
        assert bench.lines == [f"{path}: prepared before, found in the cache"]
        assert both(first) == both(second)
        assert (first.digest, first.sources) == (second.digest, second.sources)
        assert first.tokenizer.fingerprint == second.tokenizer.fingerprint
    assert len(list_entries(bench.cache)) == 4


def test_a_trained_tokenizer_finds_its_corpus(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    first = bench.prepare([path])
    second = bench.prepare([path], tokenizer=first.tokenizer)
    assert "found in the cache" in bench.lines[0]
    assert first.digest == second.digest


def test_a_moved_file_is_the_same_corpus(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    first = bench.prepare([path])
    moved = bench.folder / "elsewhere" / "b.txt"
    moved.parent.mkdir()
    Path(path).rename(moved)
    second = bench.prepare([str(moved)])
    assert bench.lines == [f"{moved}: prepared before, found in the cache"]
    assert first.digest == second.digest
    assert second.sources[0].name == str(moved)


def test_the_digest_is_of_the_content(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    first = bench.prepare([path])
    zipped = bench.write("a.txt.gz", gzip.compress(TEXT.encode()))
    assert bench.prepare([zipped]).digest == first.digest
    assert bench.prepare([bench.write("c", TEXT.replace("\r\n", "\n"))]).digest == first.digest
    assert bench.prepare([bench.write("d", TEXT.encode("utf-16"))], encoding="utf-16").digest == (
        first.digest
    )
    others = [
        bench.prepare([path], newlines="keep"),
        bench.prepare([path], valid_fraction=0.2),
        bench.prepare([path], lines=True),
        bench.prepare([path], tokenizer="byte"),
        bench.prepare([path, bench.write("b.txt", "x?")]),
        bench.prepare([bench.write("e.txt", TEXT[:-1] + "!")]),
    ]
    assert len({corpus.digest for corpus in [first, *others]}) == 7


def test_changed_content_is_noticed(bench: Bench) -> None:
    path = bench.write("a.txt", "aaaa")
    first = bench.prepare([path])
    status = Path(path).stat()
    bench.write("a.txt", "bbbb")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = bench.prepare([path])
    assert both(second) == (["bbb"], ["b"])
    assert first.digest != second.digest


def test_settings_that_do_not_matter_prepare_nothing_anew(bench: Bench) -> None:
    path, valid = bench.write("a.txt", TEXT), bench.write("v.txt", "The sea")

    @dataclasses.dataclass(frozen=True)
    class Everything(CorpusSettings, TokenizerSettings):
        learning_rate: float = 0.1

    for settings in (
        Everything(lines=True, newlines="lf", encoding="utf-8", valid_fraction=0.1),
        Everything(
            lines=True, newlines="keep", encoding="UTF8", valid_fraction=0.2, learning_rate=9.0
        ),
    ):
        prepare_corpus([path], [valid], settings, settings, cache=bench.cache)
    assert len(list_entries(bench.cache)) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "tokenizer", "record", "gone", "alien"])
def test_a_damaged_entry_is_made_again(bench: Bench, damage: str) -> None:
    path = bench.write("a.txt", TEXT)
    first = both(bench.prepare([path]))
    (entry,) = list_entries(bench.cache)
    folder = bench.cache / "corpora" / entry.name
    ids = folder / "train.ids"
    content = ids.read_bytes()
    if damage == "cut":
        ids.write_bytes(content[:-1])
    elif damage == "flip":
        ids.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    elif damage == "tokenizer":
        tokenizer = folder / "tokenizer" / "tokenizer.json"
        tokenizer.write_bytes(tokenizer.read_bytes().replace(b"a", b"b"))
    elif damage == "record":
        (folder / "entry.json").write_text('{"format": 1}')
    elif damage == "alien":
        (folder / "entry.json").write_text('{"format": 99}')
    else:
        ids.unlink()
    assert both(bench.prepare([path])) == first
    assert bench.lines == []
    bench.prepare([path])
    assert "found in the cache" in bench.lines[0]
    assert len(list_entries(bench.cache)) == 1


def test_a_cleared_cache_is_filled_again(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    first = bench.prepare([path])
    clear(bench.cache)
    assert both(first) == both(bench.prepare([path]))


def test_a_corpus_is_found_by_its_digest(bench: Bench) -> None:
    assert open_corpus("0" * 64, bench.cache) is None
    path = bench.write("a.txt", TEXT)
    prepare_text([path], CorpusSettings(), CharTokenizer("ab"), cache=bench.cache)
    first = bench.prepare([path])
    second = open_corpus(first.digest, bench.cache)
    assert second is not None
    assert both(first) == both(second)
    assert (first.sources, first.digest) == (second.sources, second.digest)
    clear(bench.cache)
    assert open_corpus(first.digest, bench.cache) is None


def test_two_processes_at_once(bench: Bench) -> None:
    path = bench.write("a.txt", "".join(random.Random(0).choices("abc \n", k=2_000_000)))
    script = (
        "import sys; from pathlib import Path\n"
        "from textrnn.data.corpus import *; from textrnn.tokenizers import TokenizerSettings\n"
        "print(prepare_corpus([sys.argv[1]], [], CorpusSettings(), TokenizerSettings(),"
        " cache=Path(sys.argv[2])).digest)"
    )
    command = [sys.executable, "-c", script, path, str(bench.cache)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    digests = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert digests == {bench.prepare([path]).digest}
    assert len(list_entries(bench.cache)) == 1
    assert not list(bench.cache.glob("work-*"))


def test_text_from_a_pipe(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    script = (
        "import sys; from pathlib import Path\n"
        "from textrnn.data.corpus import *; from textrnn.tokenizers import TokenizerSettings\n"
        "c = prepare_corpus(sys.argv[1:3], [], CorpusSettings(), TokenizerSettings(),"
        " cache=Path(sys.argv[3]), report=print)\n"
        "print(c.digest, [(s.name, s.path) for s in c.sources])"
    )
    command = [sys.executable, "-c", script, "-", path, str(bench.cache)]
    outputs = []
    for _ in range(2):
        done = subprocess.run(command, input=b"piped \xe2\x82\xac text", capture_output=True)
        assert done.stderr == b""
        outputs.append(done.stdout.decode().splitlines())
    assert len(outputs[0]) == 1
    assert outputs[1] == ["stdin and 1 more: prepared before, found in the cache", outputs[0][0]]
    digest, sources = outputs[0][0].split(" ", 1)
    assert sources == repr([("stdin", None), (path, path)])
    corpus = open_corpus(digest, bench.cache)
    assert corpus is not None
    assert both(corpus)[0][0] == "piped € te"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_a_full_disk(bench: Bench) -> None:
    path = bench.write("a.txt", "abc" * 1_000_000)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from textrnn.data.corpus import *; from textrnn.tokenizers import TokenizerSettings\n"
        "from textrnn.errors import DataError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000))\n"
        "try: prepare_corpus([sys.argv[1]], [], CorpusSettings(), TokenizerSettings(),"
        " cache=Path(sys.argv[2]))\n"
        "except DataError as error: print(error)"
    )
    for name, stdin in ((path, b""), ("-", b"x" * 2_000_000)):
        done = subprocess.run(
            [sys.executable, "-c", script, name, str(bench.cache)],
            input=stdin,
            capture_output=True,
        )
        assert done.stderr == b""
        assert done.stdout.decode().startswith(f"{bench.cache}: the cache folder cannot be written")
        assert "set TEXTRNN_CACHE to another folder" in done.stdout.decode()
        assert not list(bench.cache.glob("work-*"))
    assert list_entries(bench.cache) == []


# One whole store


@pytest.mark.parametrize("lines", [False, True])
def test_a_text_is_one_store(bench: Bench, lines: bool) -> None:
    tokenizer = CharTokenizer(TEXT)
    paths = [bench.write("a.txt", "The sea\r\n\r\nis ?"), bench.write("b.txt", "wide")]
    settings = CorpusSettings(lines=lines)
    for _ in range(2):
        store = prepare_text(
            paths, settings, tokenizer, cache=bench.cache, report=bench.lines.append
        )
        expected = ["The sea", "is \ufffd", "wide"] if lines else ["The sea\n\nis \ufffd", "wide"]
        assert texts(store, tokenizer) == expected
        assert store.characters == sum(map(len, expected))
        assert store.unknown == 1
    assert bench.lines == [f"{paths[0]} and 1 more: prepared before, found in the cache"]


def test_an_empty_text(bench: Bench) -> None:
    path = bench.write("a.txt", "")
    with pytest.raises(DataError, match=r"a\.txt: is empty"):
        prepare_text([path], CorpusSettings(), CharTokenizer("ab"), cache=bench.cache)


def test_the_training_part_and_the_whole_agree(bench: Bench) -> None:
    path = bench.write("a.txt", TEXT)
    corpus = bench.prepare([path])
    validation = bench.write("v.txt", both(corpus)[1][0])
    store = prepare_text([validation], CorpusSettings(), corpus.tokenizer, cache=bench.cache)
    assert store.ids.tolist() == corpus.valid.ids.tolist()
    assert store.starts.tolist() == corpus.valid.starts.tolist()
    assert store.characters == corpus.valid.characters
