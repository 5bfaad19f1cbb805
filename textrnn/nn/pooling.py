"""From the outputs of a recurrent network at every token to one vector for the text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["POOLINGS", "Pooling"]

POOLINGS = ("last", "max", "mean", "attention", "concat")


class Pooling(nn.Module):
    """Sums up a padded batch over its real tokens.

    ``last`` takes what each direction holds after its last token; ``max`` and ``mean`` work feature by
    feature; ``attention`` weights the tokens by a learned score (Yang et al. 2016, section 2.2);
    ``concat`` puts last, max and mean side by side (Howard and Ruder 2018, section 3.3).

    Args:
        kind: One of ``POOLINGS``.
        features: Features that come in, of all directions.
        num_directions: 1, or 2 where the second half of the features read backwards.
    """

    def __init__(self, kind: str, features: int, num_directions: int) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise ValueError(f"{kind!r} is none of {', '.join(POOLINGS)}")
        self.kind = kind
        self.num_directions = num_directions
        self.output_size = 3 * features if kind == "concat" else features
        self.projection: nn.Linear | None = None
        self.query: nn.Parameter | None = None
        if kind == "attention":
            self.projection = nn.Linear(features, features)
            self.query = nn.Parameter(torch.empty(features))

    @property
    def blocks(self) -> dict[str, int]:
        """The matrix of the attention, a single one."""
        return {} if self.projection is None else {"projection.weight": 1}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights of the attention, if there is one."""
        if self.projection is not None and self.query is not None:
            with torch.no_grad():
                bound = (3 / self.projection.in_features) ** 0.5
                self.projection.weight.uniform_(-bound, bound, generator=generator)
                self.projection.bias.zero_()
                # All tokens weigh alike at first.
                self.query.zero_()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return one vector a sequence, (batch, output_size).

        Args:
            x: Outputs at every token, (time, batch, features).
            lengths: Real tokens of each sequence, (batch,), int64, at least 1.
        """
        inside = (torch.arange(len(x), device=x.device)[:, None] < lengths).unsqueeze(-1)
        if self.kind == "last":
            return self._last(x, lengths)
        if self.kind == "max":
            return _max(x, inside)
        if self.kind == "mean":
            return _mean(x, inside, lengths)
        if self.kind == "concat":
            return torch.cat(
                [self._last(x, lengths), _max(x, inside), _mean(x, inside, lengths)], -1
            )
        return self._attended(x, inside)

    def _last(self, x: Tensor, lengths: Tensor) -> Tensor:
        ends = x[lengths - 1, torch.arange(x.shape[1], device=x.device)]
        if self.num_directions == 1:
            return ends
        half = x.shape[-1] // 2
        return torch.cat([ends[:, :half], x[0, :, half:]], -1)

    def _attended(self, x: Tensor, inside: Tensor) -> Tensor:
        if self.projection is None or self.query is None:
            raise TypeError(f"pooling {self.kind} has no attention")
        scores = (torch.tanh(self.projection(x)).float() * self.query).sum(-1)
        weights = scores.unsqueeze(-1).masked_fill(~inside, -torch.inf).softmax(0)
        # Zeros, since what stands at padding may be anything, and 0 times it too.
        return (weights.to(x.dtype) * x.masked_fill(~inside, 0)).sum(0)


def _max(x: Tensor, inside: Tensor) -> Tensor:
    return x.masked_fill(~inside, -torch.inf).amax(0)


def _mean(x: Tensor, inside: Tensor, lengths: Tensor) -> Tensor:
    total = x.masked_fill(~inside, 0).sum(0, dtype=torch.float32)
    return (total / lengths.unsqueeze(-1)).to(x.dtype)
