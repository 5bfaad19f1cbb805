"""The rooms and their doors: imports run one way, heavy libraries stay where they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "textrnn"
FILES = sorted(PACKAGE.rglob("*.py"))

# A room may import from rooms of lower rank, and from its own; the jobs never from each other.
RANKS = {
    "cli": 5,
    "language_model": 4,
    "classifier": 4,
    "translator": 4,
    "experiments": 4,
    "jobs": 4,
    "training": 3,
    "decoding": 3,
    "nn": 3,
    "data": 3,
    "bundle": 3,
    "metrics": 3,
    "tokenizers": 2,
    "config_sources": 2,
    "config": 1,
    "processors": 1,
    "records": 1,
    "errors": 0,
    "files": 0,
    "_version": 0,
}
# Within a rank: who may draw on whom.
SAME_RANK = {("training", "nn"), ("training", "bundle")}
TORCH_ROOMS = {"training", "nn", "language_model", "classifier", "translator"}
TORCH_FREE = {
    "classifier/calibration.py",
    "classifier/engines.py",
    "classifier/light.py",
    "classifier/opening.py",
    "classifier/predictor.py",
    "classifier/report.py",
    "classifier/settings.py",
    "classifier/sizes.py",
    "classifier/truncation.py",
    "language_model/aligning.py",
    "language_model/completion.py",
    "language_model/completion_search.py",
    "language_model/facts.py",
    "language_model/generator.py",
    "language_model/opening.py",
    "language_model/pace.py",
    "language_model/placing.py",
    "language_model/samples.py",
    "language_model/scored.py",
    "language_model/word_ends.py",
    "language_model/writing.py",
    "language_model/stepper.py",
    "language_model/settings.py",
    "language_model/sizes.py",
    "nn/blas.py",
    "nn/cells.py",
    "nn/light.py",
    "nn/ngrams.py",
    "nn/settings.py",
    "nn/sizes.py",
    "nn/spelling.py",
    "nn/weights.py",
    "training/costs.py",
    "training/settings.py",
    "training/events.py",
    "training/idle.py",
    "training/inference.py",
    "training/divergence.py",
    "training/locking.py",
    "training/memory.py",
    "training/place.py",
    "training/plan.py",
    "training/save_error.py",
    "training/recorded.py",
    "training/state.py",
    "translator/alignment.py",
    "translator/engines.py",
    "translator/light.py",
    "translator/opening.py",
    "translator/predictor.py",
    "translator/protocol.py",
    "translator/search.py",
    "translator/searching.py",
    "translator/settings.py",
    "translator/sizes.py",
    "translator/translations.py",
    "translator/units.py",
    "translator/wording.py",
}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Modules that a file imports; with ``top_level_only``, those that importing it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            if node.module == "textrnn":
                found |= {f"textrnn.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    own = parts[0]
    if own in ("__init__", "__main__"):
        return
    for module in imports(path):
        other = room(module)
        if not module.startswith("textrnn") or other in ("", own):
            continue
        assert other in RANKS, f"{path} imports {module}, which is no room"
        allowed = RANKS[other] < RANKS[own] or (own, other) in SAME_RANK
        assert allowed, f"{path.relative_to(PACKAGE)} may not import {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_knows_a_terminal_and_only_some_rooms_know_torch(path: Path):
    name = path.relative_to(PACKAGE).as_posix()
    own = name.split("/")[0]
    anywhere = {module.split(".")[0] for module in imports(path)}
    if own != "cli":
        assert not anywhere & {"click", "rich"}, name
    assert not anywhere & {"pickle", "shelve", "marshal", "dill"}, name
    at_import = {module.split(".")[0] for module in imports(path, top_level_only=True)}
    if own not in TORCH_ROOMS or name in TORCH_FREE:
        assert "torch" not in at_import, name


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", sorted(name[:-3].replace("/", ".") for name in TORCH_FREE))
def test_torch_free_modules_load_no_torch(module: str):
    assert "torch" not in loaded_by(f"import textrnn.{module}")


def test_the_package_itself_is_light():
    assert not loaded_by("import textrnn") & {"torch", "numpy", "rich", "click", "sentencepiece"}


def test_every_module_says_what_it_is_and_what_it_offers():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path}: no docstring"
        assigned = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        has_code = any(isinstance(node, (ast.ClassDef, ast.FunctionDef)) for node in tree.body)
        if has_code:
            assert "__all__" in assigned, f"{path}: no __all__"
