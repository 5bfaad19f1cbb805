"""Draws whole clauses: what goes with a verb, and how it lies in time."""

from __future__ import annotations

import re

from .clauses import Clause, Part, adverb, obj, prep
from .frames import FRAMES, Frame
from .phrases import Phrase
from .picking import Picker
from .times import when

__all__ = ["MODES", "Builder"]

_RIDES = (
    "mit dem Bus/by bus|mit dem Zug/by train|mit der Fähre/by ferry|mit dem Fahrrad/by bicycle|"
    "mit dem Boot/by boat"
).split("|")
_MOORINGS = (
    "im Hafen/in the harbour|am Kai/at the quay|vor der Insel/off the island|"
    "vor der Küste/off the coast|im alten Hafen/in the old harbour"
).split("|")
_SEAS = "im Meer/in the sea|im Hafen/in the harbour|vor der Küste/off the coast"
_EARLY = "früh/early|spät/late|sehr früh/very early|ziemlich spät/rather late".split("|")
_OFTEN = "oft/often|immer/always|nie/never|manchmal/sometimes|selten/rarely".split("|")
_PERHAPS = "vielleicht/perhaps|leider/unfortunately|natürlich/of course|zum Glück/luckily".split(
    "|"
)
# Where case or verb show which is the object, it may come first.
_CLEAR = re.compile(r"(den|(dies|mein|dein|sein|ihr|unser)en)\b")
_CLEAR_SUBJECTS = ("ich", "du", "er", "wir")
# How a clause can lie in time, each as often as it is written here.
MODES = "past past past plain future future habit now since often mid modal modal_past".split()
_NO_MODAL = frozenset(
    "verlieren bekommen vergessen abfahren ankommen einschlafen liegen hören folgen aufwachen".split()
)
_MODALS = "können müssen wollen dürfen sollen möchten".split()


class Builder(Picker):
    """Draws what sentences are made of."""

    def _complement(self, part: str, frame: Frame, *, negative: bool) -> Part:
        verb = frame.verb.infinitive
        if part == "goal":
            return self.goal(verb)
        if part == "from":
            return self.source()
        if part == "loc":
            return self.where(verb)
        if part == "mooring":
            return adverb("place", self.deal("mooring", _MOORINGS))
        if part == "sea":
            return adverb("place", self.deal("sea", _SEAS.split("|")))
        if part == "early":
            return adverb("manner", self.deal("early", _EARLY))
        sort, _, kinds = part.partition(":")
        if sort == "prep":
            words, _, kinds = kinds.rpartition(":") if "/" not in kinds else self._split(kinds)
            return prep("prep", words, self._target(kinds.split(",")))
        case = {"a": "acc", "d": "dat"}[sort]
        if "person" in kinds.split(","):
            others = [kind for kind in kinds.split(",") if kind != "person"]
            if not others or self.dice.chance(60):
                return obj(case, self.somebody())
            kinds = ",".join(others)
        return obj(case, self.thing(*kinds.split(","), negative=negative))

    @staticmethod
    def _split(text: str) -> tuple[str, str, str]:
        words, _, rest = text.partition("/")
        english, _, kinds = rest.partition(":")
        return f"{words}/{english}", "", kinds

    def _target(self, kinds: list[str]) -> Phrase:
        if "person" in kinds and self.dice.chance(50):
            return self.somebody()
        noun = self.noun(*(kind for kind in kinds if kind != "person"))
        return self.phrase(noun, "the" if self.dice.chance(80) else "a")

    def subject(self, frame: Frame) -> Phrase:
        """Returns somebody or something that can do what a frame says."""
        kind = self.dice.pick(frame.subjects)
        if kind == "person":
            return self.who()
        noun = self.noun(kind)
        if "kin" in noun.kinds:
            return self.phrase(noun, self.deal("own", "my my your his her our".split()))
        if self.dice.chance(30) and noun.plural:
            det = self.dice.pick(("the", "the", "two", "three", "some", "our"))
            det = "the" if det == "our" and kind != "pet" else det
            return self.phrase(noun, det, plural=True)
        return self.phrase(noun, self.dice.pick(("the", "the", "the", "a", "this")))

    def frame(self, *, marks: str = "", verbs: str = "", without: str = "") -> Frame:
        """Returns a frame that has every one of `marks`, or one of `verbs`."""
        wanted, banned = set(marks.split()), set(without.split())
        found = [
            frame
            for frame in FRAMES
            if wanted <= frame.marks
            and (not verbs or frame.verb.infinitive in verbs.split())
            and frame.verb.infinitive not in banned
        ]
        return self.deal(f"frame {marks} {verbs} {without}", found)

    def fits(self, frame: Frame, mode: str) -> bool:
        """Says whether a frame can be used in a mode."""
        marks = frame.marks
        needs = {"now": "n", "since": "s"}.get(mode)
        if "x" in marks and mode not in ("past", "plain", "mid"):
            return False
        if mode in ("habit", "often"):
            return "1" not in marks
        if mode in ("modal", "modal_past"):
            return frame.verb.infinitive not in _NO_MODAL and frame.subjects[0] == "person"
        if mode == "mid":
            return frame.subjects[0] == "person" and "early" not in frame.complements
        return needs is None or needs in marks

    def clause(
        self,
        frame: Frame,
        mode: str,
        *,
        subject: Phrase | None = None,
        negative: bool = False,
        extras: bool = True,
    ) -> Clause:
        """Returns a clause made from a frame.

        Args:
            frame: The verb and what goes with it.
            mode: One of `MODES`, or `bare` for a present without a time.
            subject: Who does it; somebody new, if not given.
            negative: Whether it is denied.
            extras: Whether companions and places may be added.
        """
        subject = subject or self.subject(frame)
        verb = frame.verb.infinitive
        self._doer = subject.de[0]
        parts = [self._complement(part, frame, negative=negative) for part in frame.complements]
        if extras and "m" in frame.marks and self.dice.chance(45):
            parts.append(adverb("manner", self.deal("ride", _RIDES)))
        elif extras and "w" in frame.marks and self.dice.chance(35):
            parts.append(self.companion(subject))
        if extras and "p" in frame.marks and not negative and self.dice.chance(30):
            parts.append(self.where(verb))
        clause = Clause(subject, frame.verb, parts, negative=negative)
        self._place_in_time(clause, frame, mode)
        return clause

    def _place_in_time(self, clause: Clause, frame: Frame, mode: str) -> None:
        parts, dice = clause.parts, self.dice
        early = "early" in frame.complements
        if mode in ("past", "plain", "mid"):
            clause.tense = "perfect"
        if mode == "past":
            parts.append(when(dice, "far" if "f" in frame.marks else "past"))
        elif mode == "mid":
            clause.aspect = "perfect"
            if clause.negative:
                parts += [Part("mid", "noch", ""), Part("end", "", "yet")]
            else:
                parts.append(adverb("mid", dice.pick(("schon/already", "noch nie/never"))))
        elif mode == "future":
            clause.aspect = "will"
            if dice.chance(20):
                clause.tense = "future"
            parts.append(when(dice, "far_future" if "f" in frame.marks else "future"))
        elif mode == "habit":
            parts.append(when(dice, "habit"))
        elif mode == "now":
            clause.aspect = "progressive"
            parts.append(when(dice, "now"))
        elif mode == "since":
            clause.aspect = "since"
            parts.append(when(dice, "since"))
        elif mode == "often":
            clause.gladly = "g" in frame.marks and not clause.negative and dice.chance(55)
            if not clause.gladly and not clause.negative:
                parts.append(adverb("mid", self.deal("often", _OFTEN)))
            elif clause.negative:
                parts.append(when(dice, "habit"))
        elif mode in ("modal", "modal_past"):
            past = mode == "modal_past"
            clause.tense = "preterite" if past else "present"
            clause.modal = self.deal(mode, _MODALS[: 4 if past else 6])
            if dice.chance(70):
                parts.append(when(dice, "past" if past else "future"))
        if early and any(" um " in f" {part.de}" for part in parts):  # one hour is enough
            parts[:] = [part for part in parts if part.role != "manner"]

    def perhaps(self) -> Part:
        """Returns an adverb that colours a whole sentence."""
        return adverb("sentence", self.deal("perhaps", _PERHAPS))

    def front(self, clause: Clause) -> Part | None:
        """Returns what to put before the verb; nothing, where the subject stays there."""
        colour = [part for part in clause.parts if part.role == "sentence"]
        if colour and self.dice.chance(70):
            return colour[0]
        movable = {"time": 42, "acc_definite": 14, "place": 12, "dat": 8, "companion": 4}
        for part in clause.parts:
            known = part.de != "gerade" and not part.kein
            if part.role == "acc_definite":
                known = bool(_CLEAR.match(part.de)) or clause.subject.de[0] in _CLEAR_SUBJECTS
            if known and self.dice.chance(movable.get(part.role, 0)):
                return part
        return None
