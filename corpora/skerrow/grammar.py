"""A small template language and the bank of hand-written lines it draws from.

A `.grammar` file holds rules. `== name` opens a rule whose alternatives are single lines;
`=== name` opens one whose alternatives are blocks of lines, parted by `---`. `%` starts a comment.

Inside an alternative

* `{a|b|c}` is one of the choices (they nest, and may be empty); the same choice written twice in
  one alternative is made only once;
* `[name]` is something from the context or, failing that, a line of the rule `name`;
* `[found/M]` is a line of the rule `found:KEY`, where KEY belongs to the person M;
* `[M.their]` is an attribute of the context's M; `[^x]` is x with a capital;
* `<winter,!rain>` at the very start restricts an alternative to days with (or without) a tag;
  `<jan|feb>` asks for any of several.

Whichever line has been used least comes next, so nothing returns before all else has had its turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .dice import Dice

__all__ = ["Context", "Grammar", "GrammarError"]

Context = dict[str, Any]

_HEAD = re.compile(r"^<([^<>]+)>\s*")
_RETRIES = 12
_ARMS = "{}"  # where a context remembers which arm each choice of the present line has taken


class GrammarError(ValueError):
    """A template names something that does not exist, or nothing suits the day."""


@dataclass
class _Line:
    """One alternative of a rule: its text, when it may be used, how often it was."""

    text: str
    needs: list[list[str]]
    uses: int = 0
    last: int = -1000  # the number of the rule's draw that took it last


@dataclass
class _Choice:
    """How often each arm of one `{a|b}` was taken."""

    arms: list[str]
    uses: list[int] = field(default_factory=list)


def _conditions(text: str) -> tuple[list[list[str]], str]:
    match = _HEAD.match(text)
    if match is None:
        return [], text
    needs = [part.strip().split("|") for part in match.group(1).split(",")]
    return needs, text[match.end() :]


def _suits(needs: list[list[str]], tags: frozenset[str]) -> bool:
    def holds(tag: str) -> bool:
        return tag[1:] not in tags if tag.startswith("!") else tag in tags

    return all(any(holds(tag) for tag in group) for group in needs)


def _matching(text: str, start: int) -> int:
    """Returns where the bracket that opens at `start` closes."""
    opening, closing = text[start], {"{": "}", "[": "]"}[text[start]]
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == opening) - (text[place] == closing)
        if depth == 0:
            return place
    raise GrammarError(f"unclosed {opening} in: {text}")


def _arms(body: str) -> list[str]:
    """Splits `a|b{c|d}` at the bars that are not inside braces."""
    arms, depth, last = [], 0, 0
    for place, char in enumerate(body):
        depth += (char == "{") - (char == "}")
        if char == "|" and depth == 0:
            arms.append(body[last:place])
            last = place + 1
    return [*arms, body[last:]]


def _alternatives(path: Path) -> Iterator[tuple[str, str]]:
    """Yields (rule, alternative) for every alternative of a file."""
    rule, block, lines = "", False, list[str]()
    source = [*path.read_text(encoding="utf-8").split("\n"), "== "]
    for line in source:
        heading = line.startswith("==")
        if block and (heading or line.strip() == "---"):
            if any(lines):
                yield rule, "\n".join(lines).strip("\n")
            lines = []
        if heading:
            block = line.startswith("===")
            rule = line.strip("= ")
        elif block and line.strip() != "---":
            if not line.startswith("%"):
                lines.append(line.rstrip())
        elif line.strip() and not line.startswith("%") and not block:
            yield rule, line.strip()


class Grammar:
    """All rules of a folder, with a memory of what was used.

    Args:
        folder: Where the `.grammar` files are.
        dice: What decides.
    """

    def __init__(self, folder: Path, dice: Dice) -> None:
        self.dice = dice
        self._rules: dict[str, list[_Line]] = {}
        self._choices: dict[str, _Choice] = {}
        self._draws: dict[str, int] = {}
        self._seen: set[str] = set()
        for path in sorted(folder.glob("*.grammar")):
            for rule, text in _alternatives(path):
                needs, rest = _conditions(text)
                self._rules.setdefault(rule, []).append(_Line(rest, needs))

    def lines(self, rule: str) -> list[str]:
        """Returns the raw alternatives of a rule, in the order of the file."""
        return [line.text for line in self._rules[rule]]

    def has(self, rule: str) -> bool:
        """Says whether there is a rule of this name."""
        return rule in self._rules

    def fresh(self, rule: str, context: Context) -> bool:
        """Says whether something in the rule suits the day and was never used."""
        tags = context["tags"]
        return any(not line.uses and _suits(line.needs, tags) for line in self._rules[rule])

    def draw(self, rule: str, context: Context) -> str:
        """Returns one alternative of `rule`, filled in, and remembers that it was used.

        Args:
            rule: Its name.
            context: What the slots mean; `context["tags"]` are the tags of the day.

        Raises:
            GrammarError: If the rule does not exist or nothing in it suits the tags.
        """
        if rule not in self._rules:
            raise GrammarError(f"no rule {rule!r}")
        tags = context.get("tags", frozenset())
        fitting = [line for line in self._rules[rule] if _suits(line.needs, tags)]
        if not fitting:
            raise GrammarError(f"nothing in {rule!r} suits {sorted(tags)}")
        tried: list[tuple[_Line, str]] = []
        while len(tried) < min(_RETRIES, len(fitting)):
            line = self._next(
                rule, [other for other in fitting if all(other is not old for old, _ in tried)]
            )
            text = self.fill(line.text, {**context, _ARMS: {}})
            if text.count(" ") < 6 or text not in self._seen:
                break
            tried.append((line, text))
        else:
            line, text = tried[0]
        self._draws[rule] = self._draws.get(rule, 0) + 1
        line.uses, line.last = line.uses + 1, self._draws[rule]
        self._seen.add(text)
        return text

    def _next(self, rule: str, fitting: list[_Line]) -> _Line:
        """Returns a line used least; what was written for such a day goes before the rest.

        A line that was not wanted for months is not made up for all at once: whatever the last
        draws took has to wait for its turn, as far as there is a choice.
        """
        now = self._draws.get(rule, 0)
        wait = min(len(fitting) - 1, max(4, len(fitting) // 2))
        rested = sorted(fitting, key=lambda line: line.last)[: len(fitting) - wait]
        rested += [line for line in fitting if line not in rested and now - line.last > wait]
        fewest = min(line.uses for line in rested)
        fresh = [line for line in rested if line.uses == fewest]
        special = [line for line in fresh if line.needs]
        return self.dice.pick(special if special and self.dice.chance(80) else fresh)

    def fill(self, text: str, context: Context) -> str:
        """Returns `text` with its choices made and its slots filled."""
        parts, place = [], 0
        while place < len(text):
            char = text[place]
            if char not in "{[":
                stop = min((s for s in (text.find(c, place) for c in "{[") if s >= 0), default=-1)
                stop = len(text) if stop < 0 else stop
                parts.append(text[place:stop])
                place = stop
                continue
            end = _matching(text, place)
            body = text[place + 1 : end]
            parts.append(self._choose(body, context) if char == "{" else self._slot(body, context))
            place = end + 1
        return "".join(parts)

    def _choose(self, body: str, context: Context) -> str:
        choice = self._choices.get(body)
        if choice is None:
            arms = _arms(body)
            choice = self._choices[body] = _Choice(arms, [0] * len(arms))
        fewest = min(choice.uses)
        arm = self.dice.pick([i for i, uses in enumerate(choice.uses) if uses == fewest])
        arm = context.setdefault(_ARMS, {}).setdefault(body, arm)
        choice.uses[arm] += 1
        return self.fill(choice.arms[arm], context)

    def _slot(self, body: str, context: Context) -> str:
        if body.startswith("^"):
            value = self._slot(body[1:], context)
            return value[:1].upper() + value[1:]
        if body in context:
            return str(context[body])
        if "/" in body:
            rule, who = body.split("/")
            return self.draw(f"{rule}:{context[who].key}", context)
        if "." in body:
            name, attribute = body.split(".")
            if name not in context:
                raise GrammarError(f"no {name!r} here for [{body}]")
            return str(getattr(context[name], attribute))
        return self.draw(body, context)
