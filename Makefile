# `make run` starts a cluster on this machine, `make test` runs the tests; README.md has the rest.

# The first Python on the path that is new enough.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PACKAGING := setup.cfg setup.py pyproject.toml $(wildcard vendor/*/setup.cfg vendor/*/*/*.py)
# --use-pep517: pip deprecates the other way to build pymesos, with a paragraph on the screen.
QUIETLY := --quiet --disable-pip-version-check --use-pep517
# Arguments of `python -m local up` (run) and of pytest (test).
ARGS ?=
# Tools that tests must not skip for want of: a list such as java,mvn, or all.
REQUIRE ?=

.PHONY: run test soak check bench dist generate lock docs clean prerequisites python

run: prerequisites $(VENV)/.run
	@$(BIN)/python -m local up $(ARGS)

test: $(VENV)/.dev
	@REQUIRE='$(REQUIRE)' $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

# What takes longer: tests on real clusters that are marked so, and 20,000 simulated days of faults and orders.
soak: $(VENV)/.dev
	@REQUIRE='$(REQUIRE)' $(BIN)/python -m pytest -m soak
	@$(BIN)/python -m tests.simulation --seeds 40 --coverage
	@$(BIN)/python -m tests.simulation --seeds 10400 $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Offers read and decided a second, or another of benchmarks/: make bench BENCHMARK=deployment ARGS='--rounds 1'
BENCHMARK ?= offers
bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.$(BENCHMARK) $(ARGS)

# The tarball that Marathon fetches, in dist/: for this Python and this machine's platform.
dist: $(VENV)/.run
	@$(BIN)/python -m release.tarball $(ARGS)

# The DC/OS package and the pages of settings and calls, after a change of the settings or of docs/openapi.json.
generate: $(VENV)/.run
	@$(BIN)/python -m release.generate

# The pages of docs/, in build/docs. A link to nowhere is an error.
docs: $(VENV)/.run
	@$(BIN)/pip install $(QUIETLY) --editable '.[docs]' >&2
	@$(BIN)/mkdocs build --strict
	@echo build/docs/index.html

# release/requirements.lock, after a change of the runtime requirements or for newer versions of them.
lock: $(VENV)/.run
	@$(BIN)/pip install $(QUIETLY) --editable '.[lock]' >&2
	@$(BIN)/python -m release.requirements

# Stops the cluster and forgets its data. The virtual environment stays, and so do the jars in ~/.cache.
clean: python
	@if [ -e .local ]; then $(PYTHON) -m local down; fi
	rm -rf .local

python:
	@$(if $(PYTHON),$(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(or $(PYTHON),python3) is older or not there:" \
	    "install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 2; }

# Before the virtual environment, which takes a while to make.
prerequisites: python
	@$(PYTHON) -m local.prerequisites

$(VENV)/.run: $(PACKAGING) | python
	@echo "making the virtual environment $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/pip install $(QUIETLY) --editable '.[local]' >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(BIN)/pip install $(QUIETLY) --editable '.[local,dev]' >&2
	@touch $@
