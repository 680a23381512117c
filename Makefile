# Everything a newcomer types. Each target sets up what it needs first; PYTHON names the interpreter.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PEERS  := .venv-peers
ARGS   ?=
# Tests start hundreds of processes: without this each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
# On all processors; tests marked serial see to it themselves that they run alone.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal
SOURCES := $(shell find wal indexer query api client -name '*.py' -o -name '*.pyi' | sort)
NATIVE := $(shell find indexer/native api/wire/native -name '*.[ch]pp')
PACKAGES := -p asteroid_cloud.wal -p asteroid_cloud.indexer -p asteroid_cloud.query \
            -p asteroid_cloud.api -p asteroid_cloud.client

.PHONY: help demo serve test check faces docs bench bench-small bench-peers bench-filters bench-churn bench-growth bench-segments bench-capped bench-log bench-shapes bench-collections bench-pairs bench-native crash soak fuzz sanitize clean

help:                ## what there is
	@grep -hE '^[a-z-]+: .*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 13

$(BIN)/python $(PEERS)/bin/python: %/bin/python:
	$(PYTHON) -m venv $*
	$@ -m pip install --quiet --upgrade pip

# Strict editable mode links single files, so the list of files decides when to install again.
$(STAMP): $(BIN)/python pyproject.toml setup.py $(NATIVE) ops/build/backend.py ops/build/sources.py $(VENV)/.files
	@echo "Setting up $(VENV) (compiles two modules; about a minute)"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c ops/constraints.txt \
	  -e '.[test,check]' --config-settings editable_mode=strict
	@touch $(STAMP)

# The other stores are many and large, and some would change what ours is tested with.
$(PEERS)/.installed: $(PEERS)/bin/python pyproject.toml setup.py $(NATIVE) ops/build/backend.py ops/build/sources.py $(PEERS)/.files
	@echo "Setting up $(PEERS) (fetches eight other stores; some minutes)"
	PYTHONWARNINGS=ignore $(PEERS)/bin/python -m pip install --quiet -c ops/constraints.txt \
	  -e '.[peers]' --config-settings editable_mode=strict
	@touch $@

$(VENV)/.files $(PEERS)/.files: %/.files: %/bin/python FORCE
	@echo $(SOURCES) | cmp --silent - $@ || echo $(SOURCES) > $@

FORCE:

demo: $(STAMP)       ## start a server, load 2,000 real texts, search them, keep serving
	$(BIN)/python -m ops.demo

serve: $(STAMP)      ## start a server on loopback with its data in .demo/serve
	$(BIN)/asteroid serve --data .demo/serve

test: $(STAMP)       ## all tests
	$(PYTEST)

check: $(STAMP)      ## linters, type checkers, tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/pyright
	ASTEROID_WERROR=1 PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c ops/constraints.txt \
	  -e '.[test,check]' --config-settings editable_mode=strict
	$(BIN)/python -m ops.native
	$(PYTEST)

faces: $(STAMP)      ## write the blocking twins of the client and of the embedded store from the asynchronous ones
	$(BIN)/python -m ops.faces

docs: $(STAMP)       ## write the pages of docs/ that are generated from the code: settings, error codes, limits
	$(BIN)/python -m ops.docs

bench: $(STAMP)      ## measure and write ops/bench/RESULTS.md; ARGS="--base …" for other data than the sample
	$(BIN)/python -m ops.bench $(ARGS)

bench-small: $(STAMP) ## the same in two minutes, on the sample; writes only build/bench-small.md
	mkdir -p build
	$(BIN)/python -m ops.bench --seconds-each 0.5 --results build/bench-small.md

bench-peers: $(PEERS)/.installed ## measure this store beside others on the same data; ARGS as for bench
	$(PEERS)/bin/python -m ops.bench peers $(ARGS)

bench-filters: $(PEERS)/.installed ## filtered search at every selectivity; ARGS="--base … --payloads … --peers faiss,zvec"
	$(PEERS)/bin/python -m ops.bench filters $(ARGS)

$(VENV)/.plots: $(STAMP)
	$(BIN)/python -m pip install --quiet -c ops/constraints.txt matplotlib
	@touch $@

bench-churn: $(VENV)/.plots ## recall, latency, memory and disk while rows come and go for 50 epochs
	$(BIN)/python -m ops.bench churn $(ARGS)

bench-growth: $(VENV)/.plots ## speed and memory from 50,000 rows to a million; a quarter of an hour
	$(BIN)/python -m ops.bench growth $(ARGS)

bench-segments: $(STAMP) ## segments while rows come at full speed, beside the time of hnswlib
	$(BIN)/python -m ops.bench segments $(ARGS)

bench-capped: $(STAMP) ## search with less memory than the store has bytes; needs the right to make a control group
	$(BIN)/python -m ops.bench capped $(ARGS)

bench-log: $(STAMP)  ## the log: compression, reading, starting after a kill, group commit; ARGS="--base … --payloads …"
	$(BIN)/python -m ops.bench log $(ARGS)

bench-shapes: $(PEERS)/.installed ## recall on every shape of data, in every state of a store; half an hour; ARGS="--results" keeps it
	$(PEERS)/bin/python -m ops.bench shapes $(ARGS)

bench-collections: $(STAMP) ## a thousand collections: memory, start, first touch, idleness, searches beside a load; ARGS="--collections … --active …"
	$(BIN)/python -m ops.bench collections $(ARGS)

bench-pairs: $(STAMP) ## processor time of calls before a change and after it, on a busy machine too; ARGS="--before OTHER/.venv/bin/python"
	$(BIN)/python -m ops.bench pairs $(ARGS)

crash: $(STAMP)      ## 1,500 kills under load, half a million images of power cuts, 2,000 histories of operations, 1,000 of collections, kills at each system call (strace); an hour or two
	$(BIN)/python -m ops.crash --cycles 1500
	$(BIN)/python -m tests.promises.power.run --images 500000
	$(BIN)/python -m tests.promises.operations.driver.run --histories 2000
	$(BIN)/python -m tests.promises.collections.histories --histories 1000
	$(BIN)/python -m tests.promises.collections.images --images 100000
	$(BIN)/python -m tests.promises.power.syscalls --every 1

soak: $(STAMP)       ## twenty minutes of mixed load, the largest answers, costly reads, strangers, 1,000 forks, a faulty proxy: bounded, nothing is lost or mixed up
	$(BIN)/python -m ops.soak --minutes 20
	$(BIN)/python -m ops.answers --clients 100
	$(BIN)/python -m ops.costly --seconds 30
	$(BIN)/python -m ops.hostile --seconds 20
	$(BIN)/python -m ops.forks --forks 1000
	$(BIN)/python -m ops.faulty --calls 10000

fuzz: $(STAMP)       ## open 10,000 damaged segment files, send 100,000 mutated requests, read 100,000 damaged answers
	$(BIN)/python -m ops.fuzz --cases 10000
	$(BIN)/python -m ops.fuzz.requests --cases 100000
	$(BIN)/python -m ops.fuzz.http_reader --cases 100000

bench-native: $(STAMP) ## micro-benchmarks of the C++ core: kernels, encoding, walks, JSON
	$(BIN)/python -m ops.native --benchmark

sanitize: $(STAMP)   ## what touches the native code, under ASan, UBSan and TSan; built beside the real one
	$(BIN)/python -m ops.native --sanitize address
	$(BIN)/python -m ops.native --sanitize thread
	$(BIN)/python -m ops.sanitize

clean:               ## remove what the other targets made
	rm -rf $(VENV) $(PEERS) build .demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name '*.so' -not -path './.git/*' -delete
