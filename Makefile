# Everything a newcomer types. Each target sets up what it needs first; PYTHON names the interpreter.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SOURCES := $(wildcard wal/*.py indexer/*.py query/*.py api/*.py client/*.py)
NATIVE := $(wildcard indexer/native/* api/native/*)
PACKAGES := -p asteroid_cloud.wal -p asteroid_cloud.indexer -p asteroid_cloud.query \
            -p asteroid_cloud.api -p asteroid_cloud.client

.PHONY: help demo serve test check bench crash fuzz clean

help:                ## what there is
	@grep -hE '^[a-z]+: .*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# Strict editable mode links single files, so the list of files decides when to install again.
$(STAMP): $(BIN)/python pyproject.toml setup.py $(NATIVE) ops/build/backend.py $(VENV)/.files
	@echo "Setting up $(VENV) (compiles two modules; about a minute)"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c ops/constraints.txt \
	  -e '.[test,check]' --config-settings editable_mode=strict
	@touch $(STAMP)

$(VENV)/.files: $(BIN)/python FORCE
	@echo $(SOURCES) | cmp --silent - $@ || echo $(SOURCES) > $@

FORCE:

demo: $(STAMP)       ## start a server, load 2,000 real texts, search them, keep serving
	$(BIN)/python -m ops.demo

serve: $(STAMP)      ## start a server on loopback with its data in .demo/serve
	$(BIN)/asteroid serve --data .demo/serve

test: $(STAMP)       ## all tests
	$(BIN)/python -m pytest

check: $(STAMP)      ## linters, type checkers, tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/pyright
	ASTEROID_WERROR=1 PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c ops/constraints.txt \
	  -e '.[test,check]' --config-settings editable_mode=strict
	$(BIN)/python -m pytest

bench: $(STAMP)      ## measure on ops/bench's data and write ops/bench/RESULTS.md
	$(BIN)/python -m ops.bench

crash: $(STAMP)      ## kill -9 cycles under load, longer than in the tests
	$(BIN)/python -m ops.crash --cycles 200

fuzz: $(STAMP)       ## open 10,000 damaged segment files
	$(BIN)/python -m ops.fuzz --cases 10000

clean:               ## remove what the other targets made
	rm -rf $(VENV) build .demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name '*.so' -not -path './.git/*' -delete
