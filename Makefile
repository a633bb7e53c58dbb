# Every command of the workspace. `make help` lists them; each does its own set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run browser test check check-quick check-types check-tests run-distributed bench chaos kafka lock clean

PYTHON ?= python3
BIN := .venv/bin
TOOLS := .uv
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
WORKERS ?= 3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Compiled modules are kept, in one place: each test process starts in a third of the time
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
# `make check` holds properties against fewer examples; `make test`, and whatever runs under CI, against all of them
PROFILE := $(if $(CI),,--hypothesis-profile=quick)

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(TOOLS)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer: set PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/.ready: uv.lock pyproject.toml $(wildcard services/*/pyproject.toml) shared/pyproject.toml baton/pyproject.toml | $(filter $(TOOLS)/bin/uv,$(UV))
	$(UV) sync --frozen --all-packages --quiet --python $(PYTHON)
	@touch $@

setup: .venv/.ready ## The virtual environment, from the lock

run: setup ## The whole product in one process, with embedded PostgreSQL, on http://127.0.0.1:8080
	@exec $(BIN)/baton up

run-distributed: setup kafka ## The same product as five processes and a gateway on Kafka and PostgreSQL
	@exec $(BIN)/baton up --distributed

kafka: setup
	@$(BIN)/python -m baton.fetch_kafka

browser: ## Chromium, for the tests of the page: from Debian's packages where there is none
	@[ -n "$$BATON_CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		command -v apt-get >/dev/null || { echo "install Chromium, or name one in BATON_CHROMIUM=…"; exit 1; }; \
		$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

test: setup kafka browser ## Every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: setup ## Format, lint, types, imports, contracts and unit tests, side by side
	@$(MAKE) --no-print-directory --jobs=3 --keep-going --output-sync=target check-types check-tests check-quick

check-types:
	@$(BIN)/basedpyright --level error

# One process: a second one would collect everything again, on the core that the type checker has
check-tests:
	@$(BIN)/python -m pytest -q $(PROFILE) tests/unit

check-quick:
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.contracts check

bench: setup kafka ## The figures, beside their ceilings
	$(BIN)/python -m bench

chaos: setup kafka ## The fault campaign
	$(BIN)/python -m tests.chaos

lock: ## Resolve the dependencies anew
	$(UV) lock

clean: ## Remove what the commands above have made (not ./data)
	rm -rf .venv .uv .cache .pytest_cache .ruff_cache deploy/local/kafka/lib
