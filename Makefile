# Every target may be run again at any time; what is done already is not done twice.

PYTHON ?= python3
NAME ?=
ARGS ?=
BIN := .venv/bin
SETUP := $(PYTHON) -B -m tools.setup
# Tests wait for programs more than they compute, so there are more workers than cores.
WORKERS ?= 5
PYTEST := $(BIN)/pytest --durations=10

# What is compiled once need not be compiled by each worker and each process that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests packages run scenario test flow check format docs bench locks wheel clean

help:  ## Show what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Install whatever `make run` needs and is missing.
	@$(SETUP)

setup-tests:  ## Install whatever the tests and checks need and is missing.
	@$(SETUP) --tests

packages:  ## Install only the Debian packages, as root (TESTS=1: those of the tests too).
	@$(SETUP) --packages $(if $(TESTS),--tests)

run: setup  ## Start the sample exchange and dexwatch; Ctrl-C stops everything.
	@exec $(BIN)/dexwatch demo $(ARGS)

scenario:  ## Break the running sample in a known way: make scenario NAME=api-slow
	@test -x $(BIN)/dexwatch || { echo "Start the sample first: make run" >&2; exit 2; }
	@exec $(BIN)/dexwatch scenario $(NAME) $(ARGS)

# The flow tests start the whole platform and take minutes: CI runs them, and `make flow`.
# They come last and alone, because what they measure must not wait for other tests.
test: setup-tests  ## Run the tests (ARGS="tests/rules -k cpu" for some; CI=true for all).
	@$(PYTEST) -m "not flow" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(if $(CI),$(PYTEST) -m flow)

flow: setup-tests  ## Run the tests that start the whole platform.
	@exec $(PYTEST) -m flow $(ARGS)

check: setup-tests  ## Check format, lint, types, import contracts, budgets, words, documents, locks.
	@$(BIN)/python -m tools.check

format: setup-tests  ## Put the format right, and what lint can repair by itself.
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

docs: setup-tests  ## Write docs/reference anew from the definitions.
	@$(BIN)/python -m tools.reference

bench: setup-tests  ## Run all benchmarks (ARGS=console for one); each prints JSON.
	@$(BIN)/python -m tools.bench $(ARGS)

locks: setup-tests  ## Resolve the lock files anew after a change of dependencies.
	@$(BIN)/python -m tools.locks update

wheel: setup-tests  ## Build both distributions into dist/.
	@rm -rf dist && (cd instrument && $(BIN)/python -m hatchling build -t wheel -d $(CURDIR)/dist) \
	  && $(BIN)/python -m hatchling build -t wheel -d dist && ls dist

clean:  ## Remove all that was made here; Debian packages stay.
	rm -rf .venv .dexwatch dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
