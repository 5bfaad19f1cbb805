# make demo    train a language model, a classifier and a translator for a minute each, and use them
# make test    format, lint, strict types and tests
# make docs    build the manual into site/; a broken link fails it
# make faults  the long form of the fault suite: kills, full disks, hostile models, bad input (an hour)
# make format  put the code in shape
#
# Everything lives in .venv; the versions are those of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
CORPUS := corpora/harbour.txt
LABELLED := corpora/remarks.tsv
PAIRS := corpora/phrases.tsv

.PHONY: demo test docs faults format clean

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
	$(BIN)/textrnn train classifier $(LABELLED) --minutes 1 --output demo/clf
	@echo
	printf '%s\n' "The soup was cold, but the view made up for it." "The ferry leaves at nine." \
		"I have never slept so badly." | $(BIN)/textrnn classify demo/clf
	@echo
	$(BIN)/textrnn train translator $(PAIRS) --minutes 1 --output demo/mt
	@echo
	printf '%s\n' "Der Hund schläft am Strand." "Wann fährt die Fähre?" | $(BIN)/textrnn translate demo/mt

test: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -q

docs: .venv/ready
	$(BIN)/mkdocs build --strict

faults: .venv/ready
	$(BIN)/pytest -q -m faults tests/faults

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv demo site
