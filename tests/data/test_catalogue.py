import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_server import Web, serving

from textrnn.classifier.settings import ClassifierSettings
from textrnn.config import specs
from textrnn.data import catalogue as catalogue_module
from textrnn.data.cache import clear, list_entries, workspace
from textrnn.data.catalogue import Entry, HubSet, WebFile, catalogue, entry_named
from textrnn.data.corpus import prepare_corpus, prepare_text
from textrnn.data.examples import prepare_examples
from textrnn.data.fetched import fetched, here
from textrnn.data.pairs import prepare_pairs
from textrnn.data.settings import CorpusSettings, ExampleSettings, PairSettings
from textrnn.errors import DataError, UsageError
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.tokenizers import TokenizerSettings
from textrnn.translator.settings import TranslatorSettings

datasets = pytest.importorskip("datasets")

CHAR = TokenizerSettings(tokenizer="char")
SETTINGS = {
    "lm": LanguageModelSettings,
    "classifier": ClassifierSettings,
    "translator": TranslatorSettings,
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as found:
        yield found


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of the test's own."""
    path = tmp_path / "catalogue.toml"
    monkeypatch.setattr(catalogue_module, "PLACE", path)
    return path


def entry(job: str, **source: Any) -> Entry:
    return Entry("tiny", job, "about", "use", "MIT", "https://example.org", "rows", **source)


def get(wanted: Entry, tmp_path: Path) -> tuple[dict[str, str], list[str]]:
    """Fetch a corpus; return its files and what was told."""
    told: list[str] = []
    cache = tmp_path / "cache"
    with workspace(cache) as work:
        found = fetched(wanted, cache=cache, work=work, report=told.append, pause_s=0.0)
    assert here(wanted, cache) == found
    return {part: path.read_bytes().decode() for part, path in found.files.items()}, told


def test_the_table_is_sound() -> None:
    known = catalogue()
    asked = (
        "tinyshakespeare wikitext-2 wikitext-103 text8 enwik8 names imdb sst2 ag_news yelp_polarity"
    )
    assert {*asked.split(), "multi30k-de-en", "opus_books-en-fr"} <= known.keys()
    for name, each in known.items():
        assert each.name == name
        assert bool(each.files) != bool(each.hub), name
        assert all((each.about, each.use, each.licence, each.unit)), name
        assert re.match(r"https?://", each.home), name
        for file in each.files:
            assert file.url.startswith(("https://", "http://mattmahoney.net/")), name
            assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256), name
            assert "/main/" not in file.url, f"{name}: what a branch holds changes"
            assert "/master/" not in file.url, name
        if each.files:
            assert each.download_bytes == sum(file.bytes for file in each.files), name
        parts = {file.part for file in each.files} | {*(each.hub.splits if each.hub else ())}
        assert "train" in parts, name
        cut = any(file.cuts for file in each.files)
        assert {*each.counts} <= (parts | {"valid", "test"} if cut else parts), name
        options = {spec.option for spec in specs(SETTINGS[each.job]).values()}
        assert {word for word in each.options.split() if word.startswith("--")} <= options, name


def test_an_unknown_name() -> None:
    with pytest.raises(
        UsageError, match=r"corpus:imbd: no corpus is called 'imbd'; did you mean imdb\?"
    ):
        entry_named("corpus:imbd")


def test_text_of_the_web(web: Web, tmp_path: Path) -> None:
    web.files["/a.txt"] = "één\n".encode()
    files, told = get(entry("lm", files=(WebFile("train", web.url + "/a.txt", 6),)), tmp_path)
    assert files == {"train": "één\n"}
    assert told == [f"corpus:tiny: being fetched from {web.url}/a.txt"]
    web.files.clear()
    again, told = get(entry("lm", files=(WebFile("train", web.url + "/a.txt", 6),)), tmp_path)
    assert (again, told) == (files, [])


def test_one_file_in_an_archive_is_cut_between_characters(web: Web, tmp_path: Path) -> None:
    text = "aéb" * 10  # é stands at bytes 1 and 2, 5 and 6 …
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("enwik", text)
    web.files["/a.zip"] = archive.getvalue()
    size = len(archive.getvalue())
    whole = WebFile(
        "train", web.url + "/a.zip", size, member="enwik", member_bytes=40, cuts=(10, 20)
    )
    files, _ = get(entry("lm", files=(whole,)), tmp_path)
    assert list(files) == ["train", "valid", "test"]
    assert "".join(files.values()) == text
    assert len(files["train"].encode()) == 11
    short = WebFile("train", web.url + "/a.zip", size, member="enwik", member_bytes=41)
    with pytest.raises(DataError, match=r"enwik in .* has 40 bytes, not 41"):
        get(entry("lm", files=(short,)), tmp_path)
    lost = WebFile("train", web.url + "/a.zip", size, member="other")
    with pytest.raises(DataError, match="cannot be unpacked"):
        get(entry("lm", files=(lost,)), tmp_path)


def parallel(web: Web) -> tuple[WebFile, ...]:
    files = []
    for part, count in (("train", 30), ("valid", 3), ("test", 2)):
        for column in ("de", "en"):
            path = f"/{part}.{column}.gz"
            lines = "".join(f"{column} {part} {i}\n" for i in range(count))
            web.files[path] = gzip.compress(lines.encode())
            files.append(WebFile(part, web.url + path, len(web.files[path]), column=column))
    return tuple(files)


def toml(files: tuple[WebFile, ...], job: str) -> str:
    rows = "".join(
        f'  {{ part = "{f.part}", url = "{f.url}", bytes = {f.bytes}'
        + (f', column = "{f.column}"' if f.column else "")
        + " },\n"
        for f in files
    )
    about = 'about = "a"\nuse = "u"\nlicence = "MIT"\nhome = "https://example.org"\nunit = "rows"\n'
    return f'[tiny]\njob = "{job}"\n{about}files = [\n{rows}]\n'


def test_pairs_of_the_web_are_trained_on_with_their_parts(
    web: Web, tmp_path: Path, table: Path
) -> None:
    table.write_text(toml(parallel(web), "translator"))
    told: list[str] = []
    corpus = prepare_pairs(
        *(["corpus:tiny"], [], [], [], [], []),
        PairSettings(),
        CHAR,
        CHAR,
        joint=False,
        seed=0,
        cache=tmp_path / "cache",
        report=told.append,
    )
    assert (len(corpus.train), len(corpus.valid)) == (30, 3)
    assert corpus.valid_pair(0) == ("de valid 0", "en valid 0")
    assert "from 'de' to 'en'" in "\n".join(told)


def test_files_of_different_length_are_refused(web: Web, tmp_path: Path) -> None:
    files = parallel(web)
    web.files["/valid.en.gz"] = gzip.compress(b"one\n")
    files = tuple(
        WebFile(f.part, f.url, len(web.files[f.url.removeprefix(web.url)]), column=f.column)
        for f in files
    )
    with pytest.raises(DataError, match="not of the same length"):
        get(entry("translator", files=files), tmp_path)
    assert here(entry("translator", files=files), tmp_path / "cache") is None


def saved(tmp_path: Path, **splits: dict[str, list[Any]]) -> str:
    data = {name: datasets.Dataset.from_dict(columns) for name, columns in splits.items()}
    for name, split in data.items():
        if "kind" in split.column_names:
            data[name] = split.cast_column("kind", datasets.ClassLabel(names=["neg", "pos"]))
    path = tmp_path / "saved"
    datasets.DatasetDict(data).save_to_disk(path)
    return str(path)


def test_a_data_set_of_the_hub(tmp_path: Path) -> None:
    rows = {"review": ["a\nb", "c", "d"], "kind": [0, 1, 0], "other": [1, 2, 3]}
    name = saved(tmp_path, train=rows, dev=rows, unsupervised=rows)
    hub = HubSet(name, {"train": "train", "valid": "dev"}, {"text": "review", "label": "kind"})
    files, told = get(entry("classifier", hub=hub, counts={"train": 3, "valid": 4}), tmp_path)
    assert [json.loads(line) for line in files["train"].splitlines()] == [
        {"text": "a\nb", "label": "neg"},
        {"text": "c", "label": "pos"},
        {"text": "d", "label": "neg"},
    ]
    assert list(files) == ["train", "valid"]
    assert any("valid has 3 rows where 4 were known" in line for line in told)


def test_a_folder_of_files_goes_through_the_library(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.csv").write_text("text\nfirst\nsecond\n")
    hub = HubSet(str(folder), {"train": "train"}, {"text": "text"})
    assert get(entry("lm", hub=hub), tmp_path)[0] == {"train": "first\nsecond\n"}
    lost = HubSet(str(folder), {"train": "test"}, {"text": "text"})
    with pytest.raises(DataError, match=r"corpus:tiny: .*test.*; once there is a network"):
        get(entry("lm", hub=lost), tmp_path)
    column = HubSet(str(folder), {"train": "train"}, {"text": "txt"})
    with pytest.raises(DataError, match="no column 'txt'"):
        get(entry("lm", hub=column), tmp_path)


def test_labelled_texts_are_trained_on_with_their_parts(tmp_path: Path, table: Path) -> None:
    rows = {"review": [f"text {i}" for i in range(20)], "kind": [i % 2 for i in range(20)]}
    few = {"review": ["x 1", "x 2"], "kind": [0, 1]}
    name = saved(tmp_path, train=rows, test=few)
    about = 'about = "a"\nuse = "u"\nlicence = "MIT"\nhome = "https://example.org"\nunit = "rows"\n'
    table.write_text(
        f'[tiny]\njob = "classifier"\n{about}hub = {{ name = "{name}", splits = {{ train = "train", '
        'test = "test" }, columns = { text = "review", label = "kind" } }\n'
    )
    told: list[str] = []
    corpus = prepare_examples(
        *(["corpus:tiny"], [], []),
        ExampleSettings(),
        CHAR,
        seed=0,
        cache=tmp_path / "cache",
        report=told.append,
    )
    counts = [len(part.labels) for part in (corpus.train, corpus.valid, corpus.test)]
    assert counts == [18, 2, 2]
    assert corpus.labels == ("neg", "pos")
    # The same texts without their labels, for a language model that a classifier starts from.
    found = prepare_corpus(
        ["corpus:tiny"], [], CorpusSettings(), CHAR, cache=tmp_path / "cache", report=told.append
    )
    assert found.train.tokens == sum(len(f"text {i}\n") for i in range(20)) * 9 // 10
    assert any("corpus:tiny/test.jsonl: left out, for a test" in line for line in told)
    with pytest.raises(DataError, match=r"a single column|no column|each be"):
        prepare_pairs(
            *(["corpus:tiny"], [], [], [], [], []),
            PairSettings(src_column="de"),
            CHAR,
            CHAR,
            joint=False,
            seed=0,
            cache=tmp_path / "cache",
        )


def test_text_is_trained_on_with_its_parts(web: Web, tmp_path: Path, table: Path) -> None:
    texts = {"train": "aaaa\n" * 5, "valid": "bb\n", "test": "c\n"}
    files = []
    for part, text in texts.items():
        web.files[f"/{part}"] = text.encode()
        files.append(WebFile(part, f"{web.url}/{part}", len(text)))
    table.write_text(toml(tuple(files), "lm"))
    cache = tmp_path / "cache"
    told: list[str] = []
    settings = CorpusSettings()
    corpus = prepare_corpus(["corpus:tiny"], [], settings, CHAR, cache=cache, report=told.append)
    assert (corpus.train.tokens, corpus.valid.tokens) == (25, 3)
    assert [source.name for source in corpus.sources] == ["corpus:tiny/train.txt"]
    assert any("test.txt: left out, for a test" in line for line in told)
    whole = prepare_text(["corpus:tiny"], settings, corpus.tokenizer, cache=cache)
    assert whole.tokens == 2
    own = tmp_path / "own.txt"
    own.write_text("dddd\n")
    corpus = prepare_corpus(
        ["corpus:tiny"], [str(own)], settings, CHAR, cache=cache, report=told.append
    )
    assert corpus.valid.tokens == 5
    assert any("valid.txt: left out, since other files were given" in line for line in told)
    with pytest.raises(UsageError, match="running text, for textrnn train lm"):
        prepare_examples(["corpus:tiny"], [], [], ExampleSettings(), CHAR, seed=0, cache=cache)


def test_a_damaged_copy_is_fetched_anew_and_clearing_takes_it_away(
    web: Web, tmp_path: Path
) -> None:
    web.files["/a.txt"] = b"text\n"
    wanted = entry("lm", files=(WebFile("train", web.url + "/a.txt", 5),))
    cache = tmp_path / "cache"
    get(wanted, tmp_path)
    found = here(wanted, cache)
    assert found is not None
    assert [each.sources for each in list_entries(cache)] == [("corpus:tiny",)]
    found.files["train"].write_bytes(b"te")
    assert here(wanted, cache) is None
    assert get(wanted, tmp_path)[0] == {"train": "text\n"}
    assert clear(cache) > 0
    assert here(wanted, cache) is None


def test_a_language_model_reads_the_text_of_a_data_set(tmp_path: Path) -> None:
    name = saved(
        tmp_path,
        train={"text": ["one\n", "", None, "two"], "n": [1, 2, 3, 4]},
        validation={"text": ["three"], "n": [1]},
        test={"text": ["four"], "n": [1]},
    )
    cache = tmp_path / "cache"
    for given in (name, f"hf:{name}"):
        told: list[str] = []
        corpus = prepare_corpus(
            [given], [], CorpusSettings(), CHAR, cache=cache, report=told.append
        )
        # "one\n", "\n", "two\n"; nothing is no row.
        assert (corpus.train.tokens, corpus.valid.tokens) == (9, 6)
        assert "text in 'text'" in "\n".join(told)
    assert corpus.sources[0].path is not None
    assert Path(corpus.sources[0].path).exists()
    only = prepare_corpus([f"hf:{name}::test"], [], CorpusSettings(), CHAR, cache=cache)
    assert only.train.tokens + only.valid.tokens == 5
    with pytest.raises(DataError, match="no column 'txt'; did you mean text"):
        prepare_corpus([name], [], CorpusSettings(text_column="txt"), CHAR, cache=cache)


def test_a_language_model_reads_a_column_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "r.csv"
    table.write_bytes("id,review\n1,één\n2,twéé\n".encode("cp1252"))
    settings = CorpusSettings(text_column="review", encoding="cp1252", valid_fraction=0)
    corpus = prepare_corpus([str(table)], [], settings, CHAR, cache=tmp_path / "cache")
    assert corpus.tokenizer.decode(corpus.train.ids[1:]) == "één\ntwéé\n"
    assert corpus.sources[0].path == str(table)
