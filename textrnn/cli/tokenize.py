"""``textrnn tokenize``: a text's tokens, and text from ids."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from textrnn.bundle import Bundle
from textrnn.cli.aside import open_model
from textrnn.cli.console import warn, write, write_json
from textrnn.cli.inputs import lines_with_ends, read_input, stdin_or_usage
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.config_sources import resolve
from textrnn.data.sources import expand_inputs
from textrnn.errors import DataError, UsageError
from textrnn.tokenizers import UNK_ID, Ids, Tokenizer, TokenizerSettings, train_tokenizer

__all__ = ["tokenize"]

_FLUSH_CHARACTERS = 1 << 16
_LONG_LINE = 1 << 20
_MOST_DIGITS = 1_000


@click.command(cls=SectionedCommand)
@click.argument("arguments", nargs=-1, metavar="[MODEL] [FILE]")
@click.option("--ids", is_flag=True, help="Print ids instead of pieces.")
@click.option("--decode", is_flag=True, help="Read ids, print the text that they stand for.")
@click.option("--json", "as_json", is_flag=True, help="Print ids and pieces of a line as JSON.")
@click.option(
    "--target",
    is_flag=True,
    help="Take a translator's tokenizer of translations, not that of sources.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of FILE.")
@setting_options(TokenizerSettings, undecided="chosen for the text")
@debug_option
def tokenize(
    arguments: tuple[str, ...],
    ids: bool,
    decode: bool,
    as_json: bool,
    target: bool,
    encoding: str,
    **values: Any,
) -> None:
    r"""Show the tokens of a text, a line for each of its lines; --ids and --decode undo each other.

    MODEL is a model directory. With --tokenizer there is no MODEL: the tokenizer is made from FILE itself.
    Without FILE, or with -, stdin is read.

    \b
      textrnn tokenize book-lm other.txt
      textrnn tokenize --tokenizer bpe --vocab-size 1000 book.txt
      textrnn tokenize --ids book-lm other.txt | textrnn tokenize --decode book-lm
    """
    options = given(TokenizerSettings, values)
    model, file = _arguments(arguments, makes_tokenizer=bool(options))
    if target and model is None:
        raise UsageError("--target needs a translator's MODEL")
    if decode and (ids or as_json or model is None):
        raise UsageError("--decode needs a MODEL, and goes with neither --ids nor --json")
    file = file or stdin_or_usage("nothing to tokenize")
    if model is not None:
        tokenizer = _tokenizer_of(open_model(model), target=target)
    elif any(source.once for source in expand_inputs([file])):
        raise UsageError(
            f"a tokenizer is made from a text that is read twice: give a file, not {file}"
        )
    else:
        settings = resolve(TokenizerSettings, options, os.environ)
        tokenizer = train_tokenizer(lambda: read_input(file, encoding), settings)
    if decode:
        _write_text(tokenizer, file)
    else:
        _write_tokens(tokenizer, read_input(file, encoding), ids=ids, as_json=as_json)


def _tokenizer_of(model: Bundle, *, target: bool) -> Tokenizer:
    """Return a model's tokenizer, or the one of a side where it has two.

    Raises:
        UsageError: the target's was asked for, and it has one.
    """
    if "src_tokenizer" in model.config:
        return model.tokenizer("tgt_tokenizer" if target else "src_tokenizer")
    if target:
        raise UsageError(
            f"--target is for translators; {model.path} is a {model.job} model, which has one tokenizer"
        )
    return model.tokenizer()


def _arguments(
    arguments: tuple[str, ...], *, makes_tokenizer: bool
) -> tuple[str | None, str | None]:
    """Return model and file."""
    most = 1 if makes_tokenizer else 2
    if len(arguments) > most:
        hint = " (with --tokenizer there is no MODEL)" if makes_tokenizer else ""
        raise UsageError(f"{arguments[most]}: one argument too many{hint}; give one file at a time")
    if makes_tokenizer:
        return None, arguments[0] if arguments else None
    if not arguments:
        raise UsageError("no tokenizer: give a MODEL, or --tokenizer with a FILE to make one from")
    return arguments[0], arguments[1] if len(arguments) > 1 else None


def _write_tokens(tokenizer: Tokenizer, chunks: Iterator[str], *, ids: bool, as_json: bool) -> None:
    pieces = (
        [] if ids and not as_json else [tokenizer.piece(i) for i in range(tokenizer.vocab_size)]
    )
    waiting: list[str] = []
    size = unknown = 0
    for line in lines_with_ends(chunks):
        if as_json:
            tokens = tokenizer.encode(line).tolist()
            unknown += tokens.count(UNK_ID)
            write_json({"ids": tokens, "pieces": [pieces[token] for token in tokens]})
            continue
        mark = ""
        for some in _encoded(tokenizer, line):
            tokens = some.tolist()
            unknown += tokens.count(UNK_ID)
            shown = " ".join(map(str, tokens) if ids else (pieces[token] for token in tokens))
            waiting.append(mark + shown)
            mark = " "
            size += len(shown) + 1
            if size > _FLUSH_CHARACTERS:
                write("".join(waiting))
                waiting.clear()
                size = 0
        waiting.append("\n")
    write("".join(waiting))
    if unknown:
        tokens, their = ("token is", "its") if unknown == 1 else ("tokens are", "their")
        warn(f"{unknown:,} {tokens} unknown to the tokenizer (<unk>); {their} text is lost")


def _encoded(tokenizer: Tokenizer, line: str) -> Iterator[Ids]:
    """Yield the ids of a line, of a very long one some at a time."""
    if len(line) <= _LONG_LINE:
        yield tokenizer.encode(line)
        return
    parts = (line[low : low + _LONG_LINE] for low in range(0, len(line), _LONG_LINE))
    yield from (ids for ids in tokenizer.encode_chunks(parts) if ids.size)


def _write_text(tokenizer: Tokenizer, file: str) -> None:
    """Write the text of ids, whose line ends mean nothing."""
    decoder = tokenizer.stream_decoder()
    for number, line in enumerate(lines_with_ends(read_input(file)), start=1):
        tokens = [_id(word, tokenizer.vocab_size, f"{file}:{number}") for word in line.split()]
        write("".join(map(decoder.feed, tokens)))
    write(decoder.flush())


def _id(word: str, vocab_size: int, where: str) -> int:
    # Python refuses to read numbers of thousands of digits.
    is_number = word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS
    if not is_number or int(word) >= vocab_size:
        raise DataError(
            f"{where}: {word[:40]!r} is not an id; ids are numbers from 0 to {vocab_size - 1}"
        )
    return int(word)
