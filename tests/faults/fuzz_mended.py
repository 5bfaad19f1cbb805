"""Cases that went wrong once: each with the exit code that is right."""

from faults.fuzz_case import Case

__all__ = ["MENDED", "mended_case"]

_NAN = "nan"
_DIGITS = "9" * 5000

MENDED = (
    # NaN is neither below nor above any bound.
    Case("", 0, ["classify", "{clf}", "in.txt", "--min-confidence", _NAN], codes=(2,)),
    Case("", 0, ["cache", "clear", "--older-than", _NAN], codes=(2,)),
    # Python refuses to turn so many digits into a number.
    Case("", 0, ["tokenize", "--decode", "{lm}", "-"], stdin=_DIGITS.encode(), codes=(1,)),
    # Messages that quoted all of a value.
    Case("", 0, [_DIGITS], codes=(2,)),
    Case("", 0, ["generate", "{lm}", "--num", _DIGITS], codes=(2,)),
    # What never ends was copied until the disk was full.
    Case("", 0, ["evaluate", "{mt}", "/dev/zero"], codes=(1,)),
    Case("", 0, ["generate", "{lm}", "--prompt-file", "/dev/zero"], codes=(1,)),
    Case("", 0, ["train", "lm", "/dev/zero", "--dry-run"], codes=(1,)),
    # A pipe was opened a second time, and nobody wrote.
    Case("", 0, ["tokenize", "--tokenizer", "word", "in"], pipes={"in": b"a b\n"}, codes=(2,)),
    # There is no home folder of nobody.
    Case("", 0, ["info"], env={"TEXTRNN_CACHE": "~no-such-user/x"}, codes=(2,)),
    # The escape of a character that a terminal does not show was none of JSON's.
    Case(
        "",
        0,
        ["generate", "{lm}", "-n", "1", "--threads", "1", "--prompt", "a\x9b\u202eb", "--json"],
        terminal=True,
        json_lines=True,
        codes=(0,),
    ),
    # Budgets of which infinite numbers of steps were made.
    Case("", 0, ["train", "lm", "in.txt", "--dry-run", "--minutes", "1e308"], codes=(2,)),
    Case("", 0, ["train", "lm", "in.txt", "--dry-run", "--epochs", "1e308"], codes=(2,)),
    # UTF-16 without a mark that ends in half a character.
    Case(
        "",
        0,
        ["classify", "{clf}", "-", "--encoding", "utf-16"],
        stdin=b"\x00\xd8\x00",
        codes=(1,),
    ),
)


def mended_case(number: int) -> Case:
    """The case of a number."""
    case = MENDED[number]
    case.suite, case.seed = "mended", number
    case.files = {"in.txt": b"a\nb\n"}
    return case
