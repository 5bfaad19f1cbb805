"""The classifier without torch answers as the one in torch does, in every form that settings give it."""

import numpy as np
import pytest
import torch
from classifier_models import WORDS

from textrnn.classifier.batches import padded
from textrnn.classifier.light import LightClassifier
from textrnn.classifier.model import TextClassifier
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import weight_shapes
from textrnn.config import make
from textrnn.nn.pooling import POOLINGS
from textrnn.nn.sizes import GATES
from textrnn.nn.weights import shapes_of
from textrnn.tokenizers.word import WordTokenizer

TOKENIZER = WordTokenizer([" ", "\n", *WORDS, "extraordinarily"])
SIZES = {
    "hidden_size": 7,
    "num_layers": 1,
    "embedding_dim": 6,
    "ngram_order": 1,
    "spelling_rows": 0,
    "bag_order": 0,
    "pooling": "max",
    "max_length": 40,
}
CHANGES = [
    *({"rnn_type": cell, "num_layers": 2} for cell in GATES),
    *({"pooling": pooling} for pooling in POOLINGS),
    *({"pooling": pooling, "bidirectional": False} for pooling in POOLINGS),
    {"num_layers": 3, "join_directions": False, "layer_norm": True},
    {"num_layers": 2, "layer_norm": True, "rnn_type": "gru"},
    {"num_layers": 2, "bidirectional": False, "layer_norm": True},
    {"ngram_order": 4, "ngram_rows": 32},
    {"spelling_rows": 64, "ngram_order": 2, "ngram_rows": 16},
    {"bag_order": 1, "bag_rows": 8},
    {"bag_order": 3, "bag_rows": 64, "pooling": "concat"},
]


def network(backward_embedding: bool, **changes: object) -> TextClassifier:
    settings = make(ClassifierSettings, {**SIZES, **changes})
    model = TextClassifier(settings, TOKENIZER, 3, backward_embedding=backward_embedding)
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in model.tensors().values():
            tensor.normal_(0, 0.5, generator=draws)
    return model.eval()


@pytest.mark.parametrize(
    ("changes", "backward_embedding"),
    [
        (changes, own)
        for changes in CHANGES
        for own in (False, True)
        # One direction has one embedding.
        if changes.get("bidirectional", True) or not own
    ],
    ids=str,
)
def test_logits_are_those_of_torch(changes, backward_embedding):
    model = network(backward_embedding, **changes)
    settings = make(ClassifierSettings, {**SIZES, **changes})
    arrays = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    light = LightClassifier(arrays, settings, TOKENIZER)
    rng = np.random.default_rng(0)
    # Special ids, unknown words, ids that come again.
    texts = [rng.integers(0, TOKENIZER.vocab_size, length) for length in (1, 2, 5, 17, 40)]
    with torch.no_grad():
        expected = model.logits(*padded(texts), 0.3).numpy()
    found = np.stack([light.logits(ids, 0.3) for ids in texts])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5 * max(1, np.abs(expected).max()))
    assert np.ptp(expected, axis=0).min() > 1e-3


@pytest.mark.parametrize("backward_embedding", [False, True])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_shapes_are_known_without_the_network(changes, backward_embedding):
    settings = make(ClassifierSettings, {**SIZES, **changes})
    model = TextClassifier(settings, TOKENIZER, 3, backward_embedding=backward_embedding)
    found = weight_shapes(settings, TOKENIZER.vocab_size, 3, backward_embedding=backward_embedding)
    assert found == shapes_of(model.tensors())
