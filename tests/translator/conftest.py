"""A translator that all tests of the room share."""

import pytest
from translator_models import write_translator

from textrnn.bundle import Bundle, open_bundle


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A translator of words; tests do not change it."""
    return open_bundle(write_translator(tmp_path_factory.mktemp("small") / "de-en"))
