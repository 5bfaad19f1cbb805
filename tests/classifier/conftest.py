"""A classifier that all tests of the room share."""

import pytest
from classifier_models import write_classifier

from textrnn.bundle import Bundle, open_bundle


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A classifier of two labels; tests do not change it."""
    return open_bundle(write_classifier(tmp_path_factory.mktemp("small") / "clf"))
