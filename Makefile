# Two commands are the front door: `make demo` and `make test`. Both work on a fresh machine that has
# Python 3.11 or newer, make, npm, and access to the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto

# Workers start inside queries: their bytecode must be cached, and tests must see what users see.
export PYTHONDONTWRITEBYTECODE :=
export QUERY_FARM_TELEMETRY_OPT_OUT := 1

.PHONY: help demo test check-all conformance flakes servers lint types layers bench fuzz engine clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Duckwing needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[cli,http]" --group dev
	@touch $@

engine: $(VENV)/.ready  ## fetch DuckDB's vgi extension through npm, once
	@$(BIN)/duckwing engine install --quiet --if-needed

demo: $(VENV)/.ready engine  ## questions about this Python installation, answered in SQL
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/environment/demo.py

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.ready
	$(BIN)/mypy

layers: $(VENV)/.ready
	$(BIN)/lint-imports --no-cache

test: $(VENV)/.ready lint types layers  ## what CI runs: style, types, layers, and the tests
	@$(BIN)/duckwing engine install --quiet --if-needed || test -z "$$CI"
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not full" --ignore tests/sql
	@echo "SQL over launch" && DUCKWING_TRANSPORT=launch $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not full" tests/sql
	@echo "SQL over stdio, where it differs" && $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "stdio and not full" tests/sql

STATEFUL := aggregates buffering context copy splits state table_in_out tables windows writes

check-all: export DUCKWING_REQUIRE_SERVERS := 1
check-all: $(VENV)/.ready lint types layers engine servers  ## everything, everywhere
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
	@for transport in launch unix tcp http; do echo "SQL over $$transport" && DUCKWING_TRANSPORT=$$transport \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not full" tests/sql || exit 1; done
	@echo "SQL over a fleet, whose processes stay as long as the tests" && DUCKWING_TRANSPORT=fleet \
		$(BIN)/python -m pytest -q -m "not full" tests/sql
	@echo "SQL over machines that share a server of state alone" && DUCKWING_TRANSPORT=machines \
		$(BIN)/python -m pytest -q -m "not full" $(STATEFUL:%=tests/sql/test_%.py)
	@for transport in stdio launch; do echo "SQL over $$transport, with shared memory" && DUCKWING_TRANSPORT=$$transport \
		VGI_RPC_SHM_SIZE_BYTES=33554432 VGI_RPC_SHM_MIN_BATCH_BYTES=1 \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not full" tests/sql || exit 1; done
	@$(MAKE) --no-print-directory conformance
	@$(MAKE) --no-print-directory demo > /dev/null && echo "make demo: ok"

servers: $(VENV)/.ready  ## install the database servers that tests start: PostgreSQL and Redis, through apt
	@$(BIN)/python -m tests.state.servers

TRANSPORTS ?= stdio launch unix tcp http fleet
THREADS ?= 1 2 4

conformance: $(VENV)/.ready engine  ## the fixture workers of the public suite, over each transport
	@for transport in $(TRANSPORTS); do echo "conformance over $$transport" && DUCKWING_TRANSPORT=$$transport \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/conformance || exit 1; done

flakes: $(VENV)/.ready engine  ## the same ten times, with 1, 2 and 4 threads of DuckDB in turn: two or three hours
	@for round in 1 2 3 4 5 6 7 8 9 10; do turn=$$round; for transport in $(TRANSPORTS); do \
		set -- $(THREADS); shift $$((turn % $$#)); turn=$$((turn + 1)); \
		echo "round $$round, conformance over $$transport, threads: $$1" && \
		DUCKWING_TRANSPORT=$$transport DUCKWING_THREADS=$$1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal \
		tests/conformance || exit 1; done; done

fuzz: $(VENV)/.ready engine  ## hostile bytes, and random predicates, against workers in turn, until interrupted
	@round=1; while $(BIN)/python -m tests.rpc.fuzz --seed $$round && \
		$(BIN)/python -m tests.filters.fuzz --seed $${round}0000 --tables 400; do round=$$((round + 1)); done; exit 1

bench: $(VENV)/.ready engine  ## speed, as ratios to limits measured in the same run
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/run.py --json benchmarks/results/ratios.json --plot benchmarks/results/ratios.svg
	$(BIN)/python -m benchmarks.growth
	@for transport in stdio launch http; do $(BIN)/python -m benchmarks.catalog_objects --over $$transport || exit 1; done
	$(BIN)/python -m benchmarks.load

clean:  ## remove what make made
	rm -rf $(VENV) dist build
