import itertools
import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.decoding.batch import SampledBatch, read_prompts
from textrnn.decoding.randomness import row_key
from textrnn.decoding.sampling import Sampler, SamplingSettings
from textrnn.decoding.text import Decoding, Piece, Request, in_order
from textrnn.tokenizers import BOS_ID, ByteTokenizer, CharTokenizer, WordTokenizer

LETTERS = CharTokenizer("abcdefgh\n")
BYTES = ByteTokenizer()


class HashModel:
    """A step model whose state is a hash of all that it read: right only if every id came in order.

    Its logits depend on nothing else, to the last bit, so texts must be equal whatever the batch.
    """

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.steps = 0

    def start(self, batch: int) -> np.ndarray:
        return np.full(batch, 7, np.int64)

    def advance(self, ids: np.ndarray, state: np.ndarray) -> np.ndarray:
        assert ids.shape == state.shape
        assert ids.dtype == np.int64
        self.steps += 1
        return (state * 1_000_003 + ids + 1) % 2_147_483_647

    def step(self, ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        state = self.advance(ids, state)
        grid = state[:, None] * np.arange(3, 3 + self.vocab_size) % 1009
        return (grid / 200).astype(np.float32), state

    def reorder(self, state: np.ndarray, index: np.ndarray) -> np.ndarray:
        return state[index]

    def join(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate((first, second))


class Scripted(HashModel):
    """Always continues with the next token of a script."""

    def __init__(self, vocab_size: int, script: Sequence[int]) -> None:
        super().__init__(vocab_size)
        self.script = script

    def start(self, batch: int) -> np.ndarray:
        return np.zeros(batch, np.int64)

    def advance(self, ids: np.ndarray, state: np.ndarray) -> np.ndarray:
        return state + 1

    def step(self, ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        state = state + 1
        logits = np.zeros((len(state), self.vocab_size), np.float32)
        for row, place in enumerate(state - 1):
            logits[row, self.script[place % len(self.script)]] = 90
        return logits, state


def request(prompt: int, sample: int, text: str, tokenizer=LETTERS) -> Request:
    return Request(prompt, sample, tokenizer.encode("\n" + text), text)


def texts(pieces: Iterator[Piece]) -> dict[tuple[int, int], tuple[str, str]]:
    """Return each text and why it ended; nothing may follow a text's end."""
    made: dict[tuple[int, int], tuple[str, str]] = {}
    for piece in pieces:
        before, finish = made.get((piece.prompt, piece.sample), ("", ""))
        assert not finish
        made[piece.prompt, piece.sample] = (before + piece.text, piece.finish)
    return made


def scripted(text: str, limit: int, stops: Sequence[str] = (), tokenizer=BYTES) -> list[Piece]:
    model = Scripted(tokenizer.vocab_size, tokenizer.encode(text).tolist())
    decoding = Decoding(tokenizer, SamplingSettings(max_new_tokens=limit, seed=0), stops=stops)
    return list(decoding.pieces(model, [Request(0, 0, tokenizer.encode("x"), "x")]))


PROMPTS = st.lists(st.text("abcdefgh", max_size=6), min_size=1, max_size=5)


@given(PROMPTS)
def test_prompts_of_any_lengths_are_read_as_if_alone(prompts: list[str]):
    ids = [LETTERS.encode("\n" + prompt) for prompt in prompts]
    model = HashModel(LETTERS.vocab_size)
    state = read_prompts(model, ids)
    assert model.steps == max(map(len, prompts))
    for row, prompt in enumerate(ids):
        alone = model.start(1)
        for token in prompt[:-1]:
            alone = model.advance(np.array([token], np.int64), alone)
        assert state[row] == alone[0]


@settings(deadline=None, max_examples=40)
@given(
    PROMPTS,
    st.integers(1, 3),
    st.integers(1, 20),
    st.sampled_from([(), ("ab",), ("c", "dd")]),
    st.sampled_from([1.0, 1.4]),
    st.sampled_from([0.0, 0.9]),
)
def test_batches_change_no_text(prompts, num, batch_size, stops, penalty, temperature):
    sampling = SamplingSettings(
        max_new_tokens=30,
        temperature=temperature,
        repetition_penalty=penalty,
        repetition_window=5,
        seed=3,
    )
    requests = [request(p, s, text) for p, text in enumerate(prompts) for s in range(num)]

    def made(requests: list[Request], size: int) -> dict[tuple[int, int], tuple[str, str]]:
        decoding = Decoding(
            LETTERS, sampling, stops=stops, allow_eos=True, batch_size=size, skipped=1
        )
        return texts(decoding.pieces(HashModel(LETTERS.vocab_size), requests))

    together = made(requests, batch_size)
    for single in requests:
        place = (single.prompt, single.sample)
        assert made([single], 1) == {place: together[place]}


def test_samples_of_a_prompt_differ_and_read_it_once():
    model = HashModel(LETTERS.vocab_size)
    decoding = Decoding(LETTERS, SamplingSettings(max_new_tokens=20, seed=0))
    made = texts(decoding.pieces(model, [request(0, s, "abc") for s in range(8)]))
    assert len(set(made.values())) == 8
    assert model.steps == 3 + 20


def test_the_penalty_sees_the_prompt_and_the_last_tokens_only():
    model = HashModel(LETTERS.vocab_size)
    sampler = Sampler(SamplingSettings(temperature=0, repetition_penalty=1.5), allow_eos=False)
    prompt = LETTERS.encode("\nabcab")
    batch = SampledBatch(
        model,
        sampler,
        read_prompts(model, [prompt]),
        [prompt],
        np.array([row_key(0, "", 0)], np.uint64),
        window=3,
        skipped=1,
    )
    state, last, recent = read_prompts(model, [prompt]), prompt[-1:], prompt[1:].tolist()
    for _ in range(20):
        logits, state = model.step(np.array(last, np.int64), state)
        scores = logits[0].astype(float)
        for token in set(recent[-3:]):
            scores[token] = scores[token] / 1.5 if scores[token] > 0 else scores[token] * 1.5
        scores[:4] = -np.inf
        last = [int(scores.argmax())]
        recent += last
        assert batch.next_ids().tolist() == last


@pytest.mark.parametrize(("skipped", "expected"), [(1, "a"), (0, "b")])
def test_the_start_is_not_recent(skipped: int, expected: str):
    class TwoLetters(HashModel):
        def step(self, ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            logits = np.zeros((1, self.vocab_size), np.float32)
            logits[0, LETTERS.encode("ab")] = (1.0, 0.9)
            return logits, self.advance(ids, state)

    settings = SamplingSettings(max_new_tokens=1, temperature=0, repetition_penalty=1.5)
    decoding = Decoding(LETTERS, settings, skipped=skipped)
    start = Request(0, 0, LETTERS.encode("a"), "")
    made = texts(decoding.pieces(TwoLetters(LETTERS.vocab_size), [start]))
    assert made == {(0, 0): (expected, "length")}


def test_rows_keep_their_random_numbers_when_others_end():
    sampling = SamplingSettings(max_new_tokens=900, seed=0)
    decoding = Decoding(LETTERS, sampling, stops=["abc"])
    requests = [request(0, sample, "a") for sample in range(16)]
    together = texts(decoding.pieces(HashModel(LETTERS.vocab_size), requests))
    ends = sorted(len(text) for text, _ in together.values())
    assert ends[0] < 256 < ends[-1]
    for single in requests:
        alone = texts(decoding.pieces(HashModel(LETTERS.vocab_size), [single]))
        assert alone == {(0, single.sample): together[0, single.sample]}


def test_characters_come_whole_and_an_incomplete_last_one_not_at_all():
    assert [p.text for p in scripted("a🙂é", 7)] == ["a", "🙂", "é"]
    pieces = scripted("a🙂é", 6)
    assert [p.text for p in pieces] == ["a", "🙂", ""]
    assert pieces[-1].finish == "length"
    assert "".join(p.text for p in scripted("a🙂", 3)) == "a"


def test_words_without_spaces_go_on_from_the_prompt():
    words = WordTokenizer(["the", "cat", "sat"], spaces=False)
    model = Scripted(words.vocab_size, words.encode("cat sat").tolist())
    decoding = Decoding(words, SamplingSettings(max_new_tokens=2, seed=0))
    asked = [Request(0, 0, words.encode("the"), "the"), Request(1, 0, np.array([BOS_ID]), "")]
    assert texts(decoding.pieces(model, asked)) == {
        (0, 0): (" cat sat", "length"),
        (1, 0): ("cat sat", "length"),
    }


def test_stop_strings_cross_tokens():
    assert scripted("so 🙂🙂! no", 99, ["🙂!"])[-1] == Piece(0, 0, "", "stop")
    assert "".join(p.text for p in scripted("so 🙂🙂! no", 99, ["🙂!"])) == "so 🙂"
    # The limit comes while something is held back: it belongs to the text after all.
    assert [p for p in scripted("abEN", 4, ["END"]) if p.text] == [
        Piece(0, 0, "a", ""),
        Piece(0, 0, "b", ""),
        Piece(0, 0, "EN", "length"),
    ]
    # The first token may be all of it.
    assert scripted("x", 5, ["x"]) == [Piece(0, 0, "", "stop")]


def test_an_end_of_text_ends_it():
    model = Scripted(LETTERS.vocab_size, [*LETTERS.encode("abc").tolist(), 3])
    settings = SamplingSettings(max_new_tokens=-1, seed=0)
    decoding = Decoding(LETTERS, settings, stops=["cd"], allow_eos=True)
    assert texts(decoding.pieces(model, [request(0, 0, "")])) == {(0, 0): ("abc", "end")}


def test_no_tokens_make_an_empty_text():
    decoding = Decoding(LETTERS, SamplingSettings(max_new_tokens=0))
    made = texts(
        decoding.pieces(HashModel(LETTERS.vocab_size), [request(0, 0, ""), request(1, 0, "")])
    )
    assert made == {(0, 0): ("", "length"), (1, 0): ("", "length")}


def test_requests_are_read_as_they_are_needed():
    read = []

    def requests() -> Iterator[Request]:
        for number in itertools.count():
            read.append(number)
            yield request(number, 0, "ab")

    decoding = Decoding(LETTERS, SamplingSettings(max_new_tokens=2, seed=0), batch_size=3)
    next(decoding.pieces(HashModel(LETTERS.vocab_size), requests()))
    assert read == [0, 1, 2]


@pytest.mark.parametrize("stops", [(), ("zzz", "abab")])
def test_an_endless_text_takes_constant_memory(stops: Sequence[str]):
    model = Scripted(LETTERS.vocab_size, LETTERS.encode("abcdefab\n").tolist())
    sampling = SamplingSettings(max_new_tokens=-1, repetition_penalty=1.1, seed=0)
    pieces = Decoding(LETTERS, sampling, stops=stops).pieces(model, [request(0, 0, "")])
    tracemalloc.start()
    try:
        for _ in itertools.islice(pieces, 1500):
            pass
        before = tracemalloc.get_traced_memory()[0]
        for _ in itertools.islice(pieces, 6000):
            pass
        assert tracemalloc.get_traced_memory()[0] - before < 4096
    finally:
        tracemalloc.stop()
        pieces.close()


@given(st.permutations([(p, s) for p in range(3) for s in range(2)]), st.randoms())
def test_pieces_are_put_in_order(rows, random):
    left = dict.fromkeys(rows, 3)
    mixed = []
    while left:
        row = random.choice(sorted(left))
        left[row] -= 1
        mixed.append(Piece(*row, str(3 - left[row]), "" if left[row] else "length"))
        if not left[row]:
            del left[row]
    out = list(in_order(iter(mixed), 2))
    assert [(p.prompt, p.sample, p.text) for p in out] == [
        (p, s, str(part)) for p in range(3) for s in range(2) for part in (1, 2, 3)
    ]


def test_the_first_text_is_not_held_back():
    mixed = [
        Piece(0, 0, "a", ""),
        Piece(1, 0, "x", ""),
        Piece(0, 0, "b", "length"),
        Piece(1, 0, "y", ""),
    ]
    seen = []

    def source() -> Iterator[Piece]:
        for piece in mixed:
            seen.append(piece.text)
            yield piece

    ordered = in_order(source(), 1)
    assert next(ordered).text == "a"
    assert seen == ["a"]
    assert [p.text for p in ordered] == ["b", "x", "y"]
