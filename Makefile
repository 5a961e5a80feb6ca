# Everything a newcomer needs, on a machine with Python 3.11+ and make; each target sets itself up.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install test lint check format bench demo lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "%-10s %s\n", $$1, $$2}' Makefile

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Threadpaint needs Python 3.11 or later; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements-dev.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: .venv/installed ## Make .venv with everything, versions and hashes locked

test: install ## Run all tests
	$(BIN)/python -m pytest -n auto

lint: install ## Check style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint test ## What CI runs

format: install ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: install ## Ask, attach, refine: three turns through the command line
	@$(BIN)/python examples/demo.py

bench: install ## Measure the data path and the turns against others, side by side
	$(BIN)/python -m benchmarks.datapath
	$(BIN)/python -m benchmarks.turns
	$(BIN)/python -m benchmarks.idle
	$(BIN)/python -m benchmarks.acks
	$(BIN)/python -m benchmarks.defers

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml

lock: .venv/bin/python ## Resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --output-file requirements-dev.lock --extra dev --constraint requirements.lock
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade --constraint requirements-dev.lock --output-file requirements-build.lock -

clean: ## Remove what the targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist demo
