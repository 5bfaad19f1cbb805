"""The language model as a task: what its updates do on devices that are not the CPU."""

import numpy as np
import pytest
from other_device import DEVICE, train_elsewhere

from textrnn.data.store import TokenStore
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask

VOCAB = 40
CASES = [
    {},
    {"optimizer": "adamw", "accumulation": 2, "ema_decay": 0.9},
    {"optimizer": "rmsprop", "rnn_type": "gru", "lines": True, "layer_norm": True},
    {"sampled_words": 8, "tie_weights": True, "embedding_dim": 12, "locked_dropout": True},
    {"rnn_type": "rnn_relu", "weight_drop": 0.2, "input_dropout": 0.2, "grad_clip": 0.0},
]


@pytest.mark.parametrize("changes", CASES, ids=str)
def test_updates_on_a_gpu_wait_for_no_number_and_mix_no_devices(changes: dict[str, object]):
    sizes = {"hidden_size": 12, "embedding_dim": 10, "num_layers": 2, "batch_size": 4, "seq_len": 6}
    given = {"optimizer": "muon", "ngram_order": 3, "ngram_rows": 64, "dropout": 0.2, **sizes}
    settings = LanguageModelSettings(**(given | changes))
    ids = np.random.default_rng(0).integers(4, VOCAB, 600).astype(np.uint8)
    store = TokenStore(ids, np.arange(0, 600, 15), len(ids), 0)
    model = RecurrentLanguageModel(settings, VOCAB)
    model.to(DEVICE)
    train_elsewhere(LanguageModelTask(model, settings, store, store), settings)
