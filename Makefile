# The environment is .venv; every target sets up what it needs and does nothing twice.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# The first Python that is new enough and can make an environment.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
  $$python -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
EXTRAS := llamacpp,documents
NODE_TESTS := tests/sdk/node

.PHONY: help setup serve test check bench test-engines test-slow demo-model docs format clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.ready node-ready ## make .venv with everything that server and tests need

serve: .venv/.ready ## run the server; ARGS="--port 9000 …"
	@exec $(BIN)/antiphon serve $(ARGS)

test: setup ## the default tests; ARGS="-k name"
	$(BIN)/pytest $(ARGS)

check: .venv/.ready ## style, types, architecture, pinned surface
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/arch
	$(BIN)/antiphon spec pin --check

bench: .venv/.ready ## cost per token and per request, as a table
	$(BIN)/python -m bench $(ARGS)

test-engines: setup ## the tests that need a real engine
	$(BIN)/pytest -m engine $(ARGS)

test-slow: setup ## the tests that take minutes
	$(BIN)/pytest -m slow $(ARGS)

DEMO := demo_model/.venv/bin
demo-model: .venv/.ready ## make the embedded demo model again, from nothing (an hour; ARGS="--device cuda": minutes)
	test -x $(DEMO)/python || $(PYTHON) -m venv demo_model/.venv
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check -r demo_model/requirements.txt
	$(DEMO)/python -m demo_model.tokenizer
	$(DEMO)/python -m demo_model.training $(ARGS)
	$(DEMO)/python -m demo_model.gguf_file
	$(BIN)/python -m demo_model.evaluation demo_model/build/antiphon-demo.gguf

docs: .venv/.ready ## write the generated parts of docs/ again
	$(BIN)/python -m tests.docs.generated

format: .venv/.ready ## let ruff write the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove the environment and everything made
	rm -rf .venv $(NODE_TESTS)/node_modules build dist .pytest_cache .ruff_cache .hypothesis

# pip 25.1 and later know dependency groups, which the development tools are.
.venv/.ready: pyproject.toml
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { echo 'Python 3.11 or newer (with venv) is needed' >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]' --group dev
	touch $@

# The official Node client is tested where npm is there; its tests say so where they are skipped.
.PHONY: node-ready
ifneq ($(wildcard $(NODE_TESTS)/package.json),)
node-ready: $(NODE_TESTS)/node_modules/.ready

$(NODE_TESTS)/node_modules/.ready: $(NODE_TESTS)/package.json $(wildcard $(NODE_TESTS)/package-lock.json)
	@if command -v npm >/dev/null; then \
	  cd $(NODE_TESTS) && npm ci --no-audit --no-fund && touch node_modules/.ready; \
	else \
	  echo 'npm is not installed: the tests of the Node client will be skipped' >&2; \
	fi
else
node-ready:
endif
