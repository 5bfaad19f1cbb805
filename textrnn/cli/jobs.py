"""What the commands say and do differently for each job: one entry a job, named as ``config.json`` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn import jobs
from textrnn.cli.output import shown

__all__ = ["JOBS", "Job", "job_named"]

Facts = Mapping[str, Any]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Job(jobs.Job):
    """A job as the command line knows it.

    Attributes:
        command: Behind ``textrnn train``.
        suffix: What default names of its models end in.
        data_lines: Returns what a plan says of the data, each line with its label.
        step_words: Returns what a plan says a step works on.
        use: What a trained model is for, and the command.
        evaluate_place: ``module:function`` that measures a model; see ``textrnn.cli.evaluate.Measure``.
        evaluate_options: Options of ``textrnn evaluate`` that only some jobs heed and this one does, by the
            names of their values.
        remark: Returns what should be said of the figures, or None.
    """

    command: str
    suffix: str
    data_lines: Callable[[Facts, Settings], list[tuple[str, str]]]
    step_words: Callable[[Facts, Settings, Mapping[str, Any]], str]
    use: tuple[str, str]
    evaluate_place: str
    evaluate_options: tuple[str, ...]
    remark: Callable[[Facts], str | None] = lambda _: None

    def evaluate(self) -> Callable[..., None]:
        """Import and return the function that measures a model."""
        found: Callable[..., None] = jobs.imported(self.evaluate_place)
        return found

    def how_to_use(self, model: Path) -> tuple[str, str]:
        """Return what a model is for, and the command."""
        return self.use[0], f"{self.use[1]} {shown(model)}"

    def how_to_go_on(self, model: Path, minutes: int | None = None) -> str:
        """Return the command that goes on with a run."""
        more = f" --minutes {minutes}" if minutes else ""
        return f"textrnn train {self.command} --resume {shown(model)}{more}"


def job_named(name: str) -> Job:
    """Return a job by its name in ``config.json``.

    Raises:
        ModelError: there is none of that name.
    """
    return JOBS[jobs.job_named(name).name]


def _text_lines(facts: Facts, settings: Settings) -> list[tuple[str, str]]:
    parts = [
        f"{facts['characters']:,} characters",
        f"{facts['train_tokens']:,} tokens to train on",
        f"{facts['valid_tokens']:,} to validate",
        f"vocabulary {facts['vocab_size']:,} ({settings['tokenizer']})",
    ]
    if settings.get("lines"):
        parts.insert(1, f"{facts['documents']:,} lines to train on")
    if facts.get("unknown"):
        parts.append(f"{facts['unknown']:,} tokens unknown")
    return [("text", ", ".join(parts))]


def _window_words(facts: Facts, settings: Settings, plan: Mapping[str, Any]) -> str:
    batch, window = settings["batch_size"], settings["seq_len"]
    words = f"{batch} x {window} tokens"
    if settings.get("lines"):
        return words
    steps = plan["max_steps"] - plan["begins_at"]
    return f"{words} ({steps * batch * window / max(1, facts['train_tokens']):.3g} epochs)"


def _unknown_remark(facts: Facts) -> str | None:
    unknown = int(facts.get("unknown") or 0)
    if not unknown:
        return None
    tokens = "token is" if unknown == 1 else "tokens are"
    return (
        f"there are no bits per character, since {unknown:,} {tokens} unknown (<unk>): the model does not "
        f"account for all of the text"
    )


def _example_lines(facts: Facts, settings: Settings) -> list[tuple[str, str]]:
    counts = facts["findings"]["train"]["labels"]
    shares = sorted(counts.items(), key=lambda pair: -pair[1])
    named = [f"{label} {count / max(1, sum(counts.values())):.0%}" for label, count in shares]
    more = f" and {len(named) - 8} more" if len(named) > 8 else ""
    parts = [f"{facts['train_examples']:,} to train on", f"{facts['valid_examples']:,} to validate"]
    if facts["test_examples"]:
        parts.append(f"{facts['test_examples']:,} for the last test")
    text = (
        f"{facts['mean_length']:.0f} tokens on average, {facts['longest']:,} at most, "
        f"{settings['max_length']:,} read; vocabulary {facts['vocab_size']:,} ({settings['tokenizer']})"
    )
    return [
        ("data", ", ".join(parts)),
        ("labels", f"{', '.join(named[:8])}{more}"),
        ("texts", text),
    ]


def _example_words(facts: Facts, settings: Settings, plan: Mapping[str, Any]) -> str:
    batch = settings["batch_size"]
    steps = plan["max_steps"] - plan["begins_at"]
    return f"{batch} texts ({steps * batch / max(1, facts['train_examples']):.3g} epochs)"


def _pair_lines(facts: Facts, settings: Settings) -> list[tuple[str, str]]:
    pairs = facts["train_pairs"]
    source, target = (facts[name] / max(1, pairs) for name in ("train_src_tokens", "train_targets"))
    vocabulary = f"{facts['tgt_vocab_size']:,}"
    if settings["joint_vocabulary"]:
        vocabulary += " for both sides"
    elif facts["src_vocab_size"] != facts["tgt_vocab_size"]:
        vocabulary = f"{facts['src_vocab_size']:,} and {vocabulary}"
    return [
        ("data", f"{pairs:,} pairs to train on, {facts['valid_pairs']:,} to validate"),
        (
            "texts",
            f"{source:.0f} tokens of source and {target:.0f} of target on average; vocabulary "
            f"{vocabulary} ({settings['tokenizer']})",
        ),
    ]


def _pair_words(facts: Facts, settings: Settings, plan: Mapping[str, Any]) -> str:
    tokens = settings["batch_tokens"]
    steps = plan["max_steps"] - plan["begins_at"]
    epochs = steps * tokens / max(1, facts["train_targets"])
    return f"about {settings['batch_size']} pairs ({epochs:.3g} epochs)"


JOBS = {
    job.name: job
    for job in (
        Job(
            **vars(jobs.JOBS["language-model"]),
            command="lm",
            suffix="-lm",
            data_lines=_text_lines,
            step_words=_window_words,
            use=("write text", "textrnn generate"),
            evaluate_place="textrnn.cli.evaluate_lm:evaluate_language_model",
            evaluate_options=("per_line", "newlines", "text_column"),
            remark=_unknown_remark,
        ),
        Job(
            **vars(jobs.JOBS["classifier"]),
            command="classifier",
            suffix="-clf",
            data_lines=_example_lines,
            step_words=_example_words,
            use=("label texts", "textrnn classify"),
            evaluate_place="textrnn.cli.evaluate_classifier:evaluate_classifier",
            evaluate_options=("text_column", "label_column", "worst"),
        ),
        Job(
            **vars(jobs.JOBS["translator"]),
            command="translator",
            suffix="-mt",
            data_lines=_pair_lines,
            step_words=_pair_words,
            use=("translate", "textrnn translate"),
            evaluate_place="textrnn.cli.evaluate_translator:evaluate_translator",
            evaluate_options=(
                *("src", "tgt", "src_column", "tgt_column", "worst", "hypotheses", "force"),
                *("bleu_tokenize", "lowercase"),
                *("beam_size", "length_penalty", "max_length", "no_repeat_ngram"),
            ),
        ),
    )
}
