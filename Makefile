# The two commands are `make run` and `make test`; README.md says more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
NODES ?=
REQUIRE ?=

.PHONY: run test check clean

run: $(VENV)/installed
	$(BIN)/python -m local up $(if $(NODES),--nodes $(NODES)) $(ARGS)

test: $(VENV)/installed
	REQUIRE=$(REQUIRE) $(BIN)/python -m pytest

check: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	@if [ -x $(BIN)/python ] && [ -e .local/cluster.json ]; then $(BIN)/python -m local down; fi
	rm -rf .local

$(VENV)/installed: setup.cfg setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, and $(PYTHON) is older or missing: set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
