# make demo    train on a small text for a minute, then let the model write
# make test    format, lint, strict types and tests
# make format  put the code in shape
#
# Everything lives in .venv; the versions are those of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
CORPUS := corpora/harbour.txt

.PHONY: demo test format clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/ready
	rm -rf demo
	$(BIN)/textrnn train lm $(CORPUS) --minutes 1 --output demo/lm
	@echo
	$(BIN)/textrnn generate demo/lm --prompt "The harbour" --temperature 0.7 --max-new-tokens 600
	@echo

test: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -q

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv demo
