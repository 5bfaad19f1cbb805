"""``textrnn tokenize`` and ``textrnn cache``."""

import pytest

TEXT = "The dog\r\n\n\tsees  a red\rhouse\n☃ naïve — 日本語 ▁\n\nno end"


@pytest.mark.parametrize("kind", ["char", "byte", "bpe", "unigram"])
def test_ids_turn_back_into_the_very_text(kind, command, book, text, tiny, tmp_path):
    (tmp_path / "all.txt").write_bytes((text + TEXT).encode())
    size = () if kind == "byte" else ("--vocab-size", "400")
    options = ("--tokenizer", kind, *size)
    trained = command("train", "lm", "all.txt", *tiny, *options, "--newlines", "keep")
    assert trained.code == 0, trained.err
    (tmp_path / "odd.txt").write_bytes(TEXT.encode())
    ids = command("tokenize", "--ids", "all-lm", "odd.txt")
    assert ids.code == 0
    assert ids.err == ""
    assert ids.out.count("\n") == TEXT.count("\n") + 1
    back = command("tokenize", "--decode", "all-lm", stdin=ids.out)
    assert back.out == TEXT
    # Line ends among the ids mean nothing.
    assert (
        command("tokenize", "--decode", "all-lm", "-", stdin=ids.out.replace("\n", " ")).out == TEXT
    )


def test_pieces_are_shown_a_line_for_each_line(command, model):
    done = command("tokenize", model, stdin="The dog\n\nruns")
    assert done.out == "T h e ▁ d o g \\n\n\\n\nr u n s\n"
    objects = command("tokenize", model, "-", "--json", stdin="The dog\n\nruns").objects
    assert ["".join(record["pieces"]) for record in objects] == ["The▁dog\\n", "\\n", "runs"]
    assert [len(record["ids"]) for record in objects] == [8, 1, 4]


def test_a_tokenizer_is_made_from_the_file_itself(command, book):
    words = command("tokenize", "--tokenizer", "word", "--min-frequency", "1", "book.txt")
    assert words.out.splitlines()[0].endswith(". \\n")
    assert "▁dog" in words.out
    assert command("tokenize", "--tokenizer", "word", "-", stdin="a b").code == 2


def test_unknown_text_gives_a_warning(command, model):
    done = command("tokenize", "--ids", model, stdin="☃☃")
    assert done.out == "1 1\n"
    assert "2 tokens are unknown" in done.err
    one = command("tokenize", "--ids", model, stdin="☃")
    assert "1 token is unknown" in one.err
    assert "its text is lost" in one.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "part"),
    [
        (("--decode", "MODEL"), "4 5\n6 x\n", 1, "-:2: 'x' is not an id"),
        (("--decode", "MODEL"), "4 999999", 1, "ids are numbers from 0 to"),
        (("--decode", "MODEL"), "-4", 1, "'-4'"),
        (("--decode", "--ids", "MODEL"), "", 2, "--ids"),
        (("--decode", "--tokenizer", "byte"), "", 2, "MODEL"),
        ((), "", 2, "--tokenizer"),
        (("MODEL", "a", "b"), "", 2, "b: one argument too many"),
        (("MODEL", "none.txt"), "", 1, "none.txt"),
        (("--tokenizer", "letter", "x"), "", 2, "letter"),
    ],
)
def test_wrong_usage_is_told(arguments, stdin, code, part, command, model):
    done = command("tokenize", *[model if a == "MODEL" else a for a in arguments], stdin=stdin)
    assert done.code == code
    assert part in done.err


def test_the_cache_is_listed_and_cleared(command, book, tiny, tmp_path):
    own = {"TEXTRNN_CACHE": str(tmp_path / "own-cache")}
    empty = command("cache", "list", **own)
    assert (empty.code, empty.out) == (0, "")
    assert command("train", "lm", "book.txt", *tiny, **own).code == 0
    listed = command("cache", "list", **own)
    assert "book.txt" in listed.out
    assert str(tmp_path / "own-cache") in listed.err
    (entry,) = command("cache", "list", "--json", **own).objects
    assert entry["sources"] == ["book.txt"]
    assert entry["size_bytes"] > 1000
    assert "freed 0 bytes" in command("cache", "clear", "--older-than", "1", **own).err
    assert "freed 0 bytes" not in command("cache", "clear", **own).err
    assert command("cache", "list", **own).out == ""
    assert command("cache", "clear", "--older-than", "-1", **own).code == 2
