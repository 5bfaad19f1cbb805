"""Every setting of translating, as the command line, Python and files give them."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting
from textrnn.decoding.beam import BeamSettings
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import UsageError

__all__ = ["BLEU_TOKENIZE", "SearchSettings"]

BLEU_TOKENIZE = ("13a", "char", "intl", "none", "zh")
"""How sacreBLEU can cut texts into words without further packages, the usual way first."""


@dataclass(frozen=True)
class SearchSettings(BeamSettings):
    """How a translation is chosen among all that the model holds possible."""

    max_length: int | None = setting(
        None,
        "Most tokens of a translation; what would be longer is ended there.",
        section="search",
        minimum=1,
        maximum=1 << 16,
    )
    sample: bool = setting(
        False,
        "Draw each token at random, as likely as the model holds it, instead of searching. Of n_best texts "
        "that are drawn, equal ones are given once.",
        section="sampling",
    )
    temperature: float = setting(
        1.0,
        "With --sample: divides the logits: bolder choices become rarer below 1, more frequent above 1.",
        section="sampling",
        minimum=0,
    )
    top_k: int = setting(
        0,
        "With --sample: draw from the k likeliest tokens only (Fan et al. 2018); 0 from all.",
        section="sampling",
        minimum=0,
    )
    top_p: float = setting(
        1.0,
        "With --sample: draw from the fewest likeliest tokens whose probabilities reach this sum "
        "(Holtzman et al. 2020); 1 from all.",
        section="sampling",
        above=0,
        maximum=1,
    )
    seed: int | None = setting(
        None,
        "With --sample: seed of the random choices; the same seed gives the same translations.",
        section="sampling",
        minimum=0,
        maximum=2**63 - 1,
    )

    def __post_init__(self) -> None:
        if self.sample:
            if self.no_repeat_ngram:
                raise UsageError("sample and no_repeat_ngram at once; only the search looks back")
            if self.beam_size != BeamSettings.beam_size:
                raise UsageError(
                    f"sample and beam_size {self.beam_size} at once: what is drawn at random is not searched "
                    "for; leave one of them out"
                )
            return
        super().__post_init__()
        defaults = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": None}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                raise UsageError(
                    f"{name} is {getattr(self, name)}, which means something only with sample: nothing is "
                    "drawn at random otherwise"
                )

    @property
    def sampling(self) -> SamplingSettings:
        """How tokens are drawn."""
        return SamplingSettings(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, seed=self.seed
        )

    @property
    def rows(self) -> int:
        """Texts in the making for each source."""
        return self.n_best if self.sample else self.beam_size
