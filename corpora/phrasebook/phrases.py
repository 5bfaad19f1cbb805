"""Who and what: articles, adjectives and nouns, pronouns and names, in every case."""

from __future__ import annotations

from dataclasses import dataclass

from .nouns import Adjective, Noun

__all__ = ["CASES", "NUMBERS", "Phrase", "named", "noun_phrase", "pronoun"]

CASES = ("nom", "acc", "dat")

# Endings for the three cases, by gender; `p` is the plural.
_DER = {"m": "der den dem", "f": "die die der", "n": "das das dem", "p": "die die den"}
_DIESER = {"m": "er en em", "f": "e e er", "n": "es es em", "p": "e e en"}
_EIN = {"m": "- en em", "f": "e e er", "n": "- - em", "p": "e e en"}
_WEAK = {"m": "e en en", "f": "e e en", "n": "e e en", "p": "en en en"}
_MIXED = {"m": "er en en", "f": "e e en", "n": "es es en", "p": "en en en"}
_STRONG = _DIESER

_LIKE_EIN = {
    "a": ("ein", "a"),
    "no": ("kein", "any"),
    "my": ("mein", "my"),
    "your": ("dein", "your"),
    "his": ("sein", "his"),
    "her": ("ihr", "her"),
    "our": ("unser", "our"),
}
_LIKE_DIESER = {"this": ("dies", "this"), "every": ("jed", "every")}
NUMBERS = (
    "zwei=two drei=three vier=four fünf=five sechs=six sieben=seven acht=eight neun=nine "
    "zehn=ten elf=eleven zwölf=twelve"
)
_COUNTS = {
    **{pair.partition("=")[2]: pair.partition("=")[0] for pair in NUMBERS.split()},
    "many": "viel",
    "some": "einig",
}
_PRONOUNS = {
    "ich": ("ich mich mir mich", "I me", 0),
    "du": ("du dich dir dich", "you you", 1),
    "er": ("er ihn ihm sich", "he him", 2),
    "sie": ("sie sie ihr sich", "she her", 2),
    "es": ("es es ihm sich", "it it", 2),
    "wir": ("wir uns uns uns", "we us", 3),
    "ihr": ("ihr euch euch euch", "you you", 4),
    "alle": ("sie sie ihnen sich", "they them", 5),
    "Sie": ("Sie Sie Ihnen sich", "you you", 5),
}


@dataclass(frozen=True)
class Phrase:
    """Somebody or something, ready for both languages.

    Attributes:
        de: The German nominative, accusative, dative and reflexive.
        en: The English as subject and as object.
        person: 0 to 5 for ich, du, er, wir, ihr, sie; verbs agree with it.
        sort: `pronoun`, `definite` or `indefinite`; decides where it stands.
        gender: `m`, `f`, `n` or `p`, for relative pronouns.
        kein: Whether the German says `kein`, so that no `nicht` is wanted.
    """

    de: tuple[str, str, str, str]
    en: tuple[str, str]
    person: int
    sort: str
    gender: str
    kein: bool = False

    def case(self, case: str) -> str:
        """Returns the German in a case: `nom`, `acc`, `dat` or `refl`."""
        return self.de[(*CASES, "refl").index(case)]

    @property
    def en_person(self) -> int:
        """The person an English verb agrees with; `you` is always plural to it."""
        return 5 if self.person == 1 else self.person


def pronoun(key: str) -> Phrase:
    """Returns a pronoun by its German nominative (`alle` is the plural `sie`)."""
    german, english, person = _PRONOUNS[key]
    nom, acc, dat, refl = german.split()
    subject, obj = english.split()
    return Phrase((nom, acc, dat, refl), (subject, obj), person, "pronoun", "")


def named(german: str, english: str, gender: str) -> Phrase:
    """Returns somebody with a name, who is the same in all cases."""
    if german.startswith("Herr "):
        bent = "Herrn " + german[5:]
        return Phrase((german, bent, bent, "sich"), (english, english), 2, "definite", "m")
    return Phrase((german, german, german, "sich"), (english, english), 2, "definite", gender)


def _noun(noun: Noun, case: str, *, plural: bool) -> str:
    if plural:
        bare = case != "dat" or noun.plural.endswith(("n", "s"))
        return noun.plural if bare else noun.plural + "n"
    if noun.weak and case != "nom":
        return noun.de + ("n" if noun.de.endswith(("e", "r")) else "en")
    return noun.de


def _ending(table: dict[str, str], gender: str, case: str) -> str:
    return table[gender].split()[CASES.index(case)].strip("-")


def _article(det: str, gender: str, case: str) -> tuple[str, dict[str, str]]:
    """Returns the German article or its like, and which endings adjectives have after it."""
    if det == "the":
        return _ending(_DER, gender, case), _WEAK
    if det in _LIKE_DIESER:
        return _LIKE_DIESER[det][0] + _ending(_DIESER, gender, case), _WEAK
    if det in _LIKE_EIN:
        return _LIKE_EIN[det][0] + _ending(_EIN, gender, case), _MIXED
    count = _COUNTS.get(det, "")
    return count + (_ending(_DIESER, "p", case) if det in ("many", "some") else ""), _STRONG


def _german(
    noun: Noun, det: str, case: str, adjectives: tuple[Adjective, ...], plural: bool
) -> str:
    gender = "p" if plural else noun.gender
    article, endings = _article(det, gender, case)
    ending = _ending(endings, gender, case)
    words = [article, *(word.stem + ending for word in adjectives)]
    return " ".join(part for part in (*words, _noun(noun, case, plural=plural)) if part)


def _english(noun: Noun, det: str, adjectives: tuple[Adjective, ...], plural: bool) -> str:
    word = noun.en_plural if plural else noun.en
    rest = " ".join([*(adjective.en for adjective in adjectives), word])
    article = _LIKE_EIN.get(det, _LIKE_DIESER.get(det, ("", det)))[1]
    if det == "this" and plural:
        article = "these"
    if article == "any" and not plural and noun.plural:
        article = "a"
    if article == "a" and rest[0] in "aeiou":
        article = "an"
    return f"{article} {rest}".strip()


def noun_phrase(
    noun: Noun, det: str = "the", *adjectives: Adjective, plural: bool = False
) -> Phrase:
    """Returns a noun with its article and adjectives in all cases.

    Args:
        noun: The noun.
        det: `the`, `a`, `no`, `my` and so on, `this`, `every`, `two` to `twelve`, `many`, `some`,
            or nothing.
        *adjectives: What stands before the noun.
        plural: Whether there are several.
    """
    cases = [_german(noun, det, case, adjectives, plural) for case in CASES]
    said = _english(noun, det, adjectives, plural)
    sort = "indefinite" if det in ("a", "no", "", "many", "some", *_COUNTS) else "definite"
    gender = "p" if plural else noun.gender
    german = (cases[0], cases[1], cases[2], "sich")
    person = 5 if plural else 2
    return Phrase(german, (said, said), person, sort, gender, kein=det == "no")
