"""What ``train lm`` says besides its figures: about validation, unknown tokens and the environment."""

import dataclasses

import pytest

from textrnn.cli.describe import evaluation_line, progress_line
from textrnn.cli.environment import changes_on_resume, misspelt_variables
from textrnn.errors import UsageError
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.training.events import Evaluated, Progressed


def progress() -> Progressed:
    return Progressed(7, 100, 0.5, 1.5, {"train_bits_per_char": 2.16}, 0.3, 0.002, 1e4, 3.0, 80.0)


def test_without_validation_nothing_is_called_infinite(command, book, tiny):
    done = command("train", "lm", "book.txt", *tiny, "--valid-fraction", "0")
    assert done.code == 0
    assert "\nstep 10: no validation\n" in done.err
    assert "\nno validation; the weights are those of step 20\n" in done.err
    assert "finite" not in done.err
    again = command("train", "lm", "--resume", "book-lm")
    assert "no validation; the weights are those of step 20" in again.err


def test_a_loss_that_is_infinite_is_called_so():
    event = Evaluated(
        3, 0.1, {"valid_loss": float("inf"), "bits_per_char": None}, 1.0, False, True, 1.0
    )
    assert evaluation_line(event) == "step 3: validation loss not finite"


def test_figures_on_a_part_of_the_data_and_on_all_of_it_are_told_apart():
    part = Evaluated(3, 0.1, {"valid_loss": 1.5}, 1.0, is_best=True, is_whole=False, elapsed_s=1.0)
    assert evaluation_line(part) == (
        "step 3: validation loss 1.5000 on part of the validation data, the best so far"
    )
    whole = dataclasses.replace(part, is_whole=True)
    assert evaluation_line(whole) == "step 3: validation loss 1.5000, the best so far"
    assert evaluation_line(whole, is_last=True) == (
        "step 3, the best: validation loss 1.5000 on all of the validation data"
    )
    assert "on a larger part of the validation data" in evaluation_line(part, is_last=True)


def test_unknown_tokens_are_the_reason_for_figures_that_are_not_there(command, tiny, tmp_path):
    (tmp_path / "book.txt").write_text("a dog sees a cat\n" * 200 + "once\nnever\n")
    options = (*tiny, "--tokenizer", "word", "--min-frequency", "2")
    done = command("train", "lm", "book.txt", *options, "--json")
    assert done.objects[-1]["bits_per_char"] is None
    assert "there are no bits per character, since 4 tokens are unknown" in done.err
    assert "bits/char" not in done.err


def test_progress_shows_bits_where_the_task_gives_them():
    assert "bits/char 2.160" in progress_line(progress())
    assert "bits/char" not in progress_line(dataclasses.replace(progress(), metrics={}))


def test_of_the_environment_a_resumed_run_takes_what_may_change(command, book, tiny):
    assert command("train", "lm", "book.txt", *tiny, "-q").code == 0
    resume = ("train", "lm", "--resume", "book-lm", "--json", "-q")
    on = command(*resume, TEXTRNN_MAX_STEPS="4", TEXTRNN_HIDDEN_SIZE="999")
    assert on.code == 0, on.err
    assert on.objects[-1]["steps"] == 24
    first = command(*resume, "--max-steps", "2", TEXTRNN_MAX_STEPS="4")
    assert first.objects[-1]["steps"] == 26
    wrong = command(*resume, TEXTRNN_DEVICE="quantum")
    assert wrong.code == 2


def test_an_empty_or_wrong_variable_of_a_resumed_run():
    assert (
        changes_on_resume(LanguageModelSettings, {"TEXTRNN_MINUTES": "", "TEXTRNN_SEED": "x"}) == {}
    )
    with pytest.raises(UsageError, match="TEXTRNN_MINUTES"):
        changes_on_resume(LanguageModelSettings, {"TEXTRNN_MINUTES": "soon"})


def test_a_misspelt_variable_gets_a_warning(command, book):
    done = command("train", "lm", "book.txt", "--dry-run", "-q", TEXTRNN_HIDEN_SIZE="3")
    assert done.err == (
        "Warning: TEXTRNN_HIDEN_SIZE is in the environment, but no such setting exists; "
        "did you mean TEXTRNN_HIDDEN_SIZE?\n"
    )
    fine = {"TEXTRNN_CACHE": "x", "TEXTRNN_DATA": "x", "TEXTRNN_TOP_P": "1", "TEXTRNN_X": ""}
    assert list(misspelt_variables({**fine, "HOME": "x", "_TEXTRNN_COMPLETE": "x"})) == []


def test_the_cache_is_no_news_beside_json(command, book, tiny):
    news = "found in the cache"
    assert command("train", "lm", "book.txt", *tiny, "--dry-run").code == 0
    assert news in command("train", "lm", "book.txt", *tiny, "--dry-run").err
    assert news not in command("train", "lm", "book.txt", *tiny, "--dry-run", "--json").err
