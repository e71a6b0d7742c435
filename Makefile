# `make` lists the targets. Everything runs from .venv, which `make setup` creates from requirements-dev.lock.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.9.0
BIN := .venv/bin
# Newer than the lock if .venv contains the versions of the lock.
STAMP := .venv/.installed-from-lock
# The folders with tests on real servers.
INTEGRATION := tests/integration tests/faults tests/benchmarks
# More workers than two cores, as tests wait for processes, in the order that tests/support/distribution.py names.
SPREAD := -n 5 --no-loadscope-reorder
define LEAVE_OUT
leave_out='second_start'; if ! $(BIN)/python -m tests.integration.servers.browser; then leave_out="$$leave_out or browser"; \
  echo 'No Chromium here: the tests of the page in a browser are skipped (make test-browser)'; fi
endef
# The interpreter of .venv; without it, the first that fits.
PYTHON ?=
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
WHICH := import os, sys; print(os.path.realpath(sys.base_prefix), *sys.version_info[:3])

# What may follow `make`. Others are refused: a misspelt variable would silently leave the default in force.
VARIABLES := MARKET BACKFILL SYMBOLS EXCHANGES EXECUTOR ONCE OPEN LOCAL_STACK_FOLDER \
  AIRFLOW_PORT SIMULATOR_PORT LOCAL_INFLUXDB_PORT LOCAL_REDIS_PORT LOCAL_POSTGRES_PORT \
  INFLUXDB_URL INFLUXDB_TOKEN INFLUXDB_ORG REDIS_HOST REDIS_PORT REDIS_PASSWORD AIRFLOW_DATABASE_URL \
  PYTHON UV_VERSION PIP_AUDIT_VERSION CANDLE_TESTS FAULT_REPORT SCREENSHOTS_FOLDER SEED OTHER_PYTHON STARTS
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name)))
UNKNOWN := $(firstword $(filter-out $(VARIABLES),$(GIVEN)))
NEAR := import difflib, sys; print(*difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:]), sep=" or ")
ifneq ($(UNKNOWN),)
MEANT := $(shell python3 -c '$(NEAR)' '$(UNKNOWN)' $(VARIABLES))
$(error $(UNKNOWN) is not a variable of make here; $(if $(MEANT),did you mean $(MEANT)?,`make` lists them.) \
  To set a variable for another program, export it first [make-variable])
endif

.PHONY: help setup run plan simulator test test-unit test-integration test-browser test-second-start screenshots test-faults bench audit docs reference lint format lock \
  clean clean-data test-first-hour FORCE

help: ## Show this list
	@printf 'candle-ingest: complete OHLCV candles in InfluxDB, merged from several exchanges\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables of make run, with their defaults:\n'
	@printf '  %-42s %s\n' \
	  'MARKET=simulated' 'or live: the real exchanges' \
	  'BACKFILL=7_days_ago' 'start of the history: YYYY-MM-DD, N_days_ago, 1_year_ago, skip' \
	  'SYMBOLS=btcusd,ethusd,solusd' 'symbols, written to Redis' \
	  'EXCHANGES=binance,coinbaseexchange,kraken' 'exchanges to merge' \
	  'EXECUTOR=local' 'or celery: a broker and two workers' \
	  'ONCE=0' '1: end after the table; exit status 0 only if everything is stored' \
	  'OPEN=0' '1: open the page in a browser when everything is stored' \
	  'LOCAL_STACK_FOLDER=.local_stack' 'where data, logs and passwords are kept' \
	  'AIRFLOW_PORT= SIMULATOR_PORT=' 'ports; free ones are found without them' \
	  'LOCAL_INFLUXDB_PORT= LOCAL_REDIS_PORT=' '' \
	  'LOCAL_POSTGRES_PORT=' '' \
	  'INFLUXDB_URL= INFLUXDB_TOKEN= .._ORG=' 'use this InfluxDB 2.x instead of starting one' \
	  'REDIS_HOST= REDIS_PORT= REDIS_PASSWORD=' 'use this Redis instead of starting one' \
	  'AIRFLOW_DATABASE_URL=' 'use this PostgreSQL for Airflow instead of starting one'

setup: $(STAMP) ## Create .venv with everything in it; PYTHON=python3.13 chooses the interpreter

# A .venv of another interpreter than the requested one is replaced.
ifneq ($(PYTHON),)
ifneq ($(shell '$(PYTHON)' -c '$(WHICH)' 2>&1),$(shell $(BIN)/python -c '$(WHICH)' 2>&1))
$(STAMP): FORCE
endif
endif
FORCE:

$(STAMP): requirements-dev.lock
	@python=''; \
	for candidate in $(if $(PYTHON),'$(PYTHON)',python3 python3.13 python3.12 python3.11); do \
	  if "$$candidate" -c '$(FITS)' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  asked='$(or $(PYTHON),python3)'; \
	  echo "Python 3.11, 3.12 or 3.13 is needed ($$asked here: $$("$$asked" --version 2>&1 | head -1))." \
	       "Install one, for example from https://www.python.org/downloads, and try again," \
	       "or name another with PYTHON=..." >&2; \
	  exit 1; \
	fi; \
	if ! $(BIN)/python -c '$(FITS)' 2>/dev/null || { [ -n '$(PYTHON)' ] && \
	     [ "$$("$$python" -c '$(WHICH)')" != "$$($(BIN)/python -c '$(WHICH)')" ]; }; then \
	  echo "Creating .venv with $$("$$python" --version)"; \
	  "$$python" -m venv --clear .venv; \
	fi
	@if [ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" != "$(UV_VERSION)" ]; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'; \
	fi
	@echo 'Installing the versions of requirements-dev.lock, a minute or two the first time'
	@# Compiled here, once: the first processes start at the same time, and each would compile what it imports.
	@VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements-dev.lock
	@touch $@

run: setup ## Run everything here: Redis, InfluxDB, Airflow and, by default, simulated exchanges
	@exec $(BIN)/python -m dev.local_stack run

plan: setup ## Show what a backfill would cost: calls, hours, candles, and which history is not available
	@exec $(BIN)/python -m dev.local_stack plan

simulator: setup ## Run only the exchange simulator
	@exec $(BIN)/python -m dev.exchange_simulator --host 127.0.0.1 $(if $(SIMULATOR_PORT),--port $(SIMULATOR_PORT))

test: setup ## Run all tests, against real servers where servers matter, and report how long each part took
	@$(BIN)/python -m dev.local_stack influxd # so that no test waits for a download or a build
	@$(LEAVE_OUT); $(BIN)/pytest $(SPREAD) -m "not ($$leave_out)"

test-unit: setup ## Run the tests that need no server
	@$(BIN)/pytest $(SPREAD) -m 'not integration' --ignore=tests/integration

test-integration: setup ## Run the tests on a real Redis, InfluxDB and Airflow, and those of the page in a Chromium
	@$(BIN)/python -m dev.local_stack influxd
	@$(LEAVE_OUT); $(BIN)/pytest $(INTEGRATION) $(SPREAD) -m "integration and not ($$leave_out)"

# Without bytecode files, Python would compile all of Airflow in each of its processes.
test test-unit test-integration test-browser test-second-start test-faults: export PYTHONDONTWRITEBYTECODE :=

test-second-start: setup ## Start the local stack a dozen times, each on top of what an earlier start left behind
	@$(BIN)/python -m dev.local_stack influxd
	@$(BIN)/pytest tests/integration -m second_start

test-browser: setup ## Run the tests of the page in a Chromium
	@$(BIN)/python -m dev.local_stack influxd
	@$(BIN)/pytest tests/integration/web -m browser

screenshots: setup ## Write docs/images: screenshots of the page in a Chromium
	@$(BIN)/python -m dev.local_stack influxd
	@mkdir -p docs/images
	@SCREENSHOTS_FOLDER=docs/images $(BIN)/pytest tests/integration/web -m browser

docs: reference ## Build the documentation into build/site, and check its links and the commands that it shows
	@$(BIN)/pytest -q tests/test_docs.py tests/test_commands_shown.py
	@$(BIN)/zensical build --strict

reference: setup ## Write docs/reference from the code
	@PYTHONPATH=plugins:. $(BIN)/python docs/make_reference.py

bench: setup ## Measure speed and memory, and write docs/development/benchmarks.md
	@$(BIN)/python -m dev.local_stack influxd
	@$(BIN)/python -m benchmarks

test-first-hour: setup ## Follow the README as a new user, as root and as another user; half an hour or more
	@exec bash tests/first_hour.sh

test-faults: setup ## Break exchanges, InfluxDB, Redis and Airflow during runs, in the long form; writes docs/development/reliability.md
	@$(BIN)/python -m dev.local_stack influxd
	@rm -rf build/faults
	@CANDLE_TESTS=long FAULT_REPORT=docs/development/reliability.md $(BIN)/pytest tests/faults

audit: setup ## Check the locked packages for known vulnerabilities; needs the network
	@if said="$$($(BIN)/uvx pip-audit==$(PIP_AUDIT_VERSION) --strict --disable-pip --require-hashes -r requirements-dev.lock 2>&1)"; then \
	  echo "$$said"; \
	else \
	  echo "$$said" >&2; \
	  grep -q 'known vulnerabilit' <<< "$$said" || \
	    echo 'Nothing was checked: pip-audit, or the database of vulnerabilities that it uses, could not be' \
	         'reached (see above). This says nothing about the packages.' >&2; \
	  exit 1; \
	fi

lint: setup ## Check style, docstrings, spelling, types, the direction of imports, and that no code is dead
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/vulture
	@$(BIN)/vulture plugins dags docs dev benchmarks
	@$(BIN)/mypy
	@PYTHONPATH=plugins $(BIN)/lint-imports

format: setup ## Format the code and correct what can be corrected
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

lock: setup ## Write requirements-dev.lock from pyproject.toml, and those of the images from both
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command 'make lock' -o requirements-dev.lock
	@$(BIN)/python -m dev.requirements
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.13 --constraint requirements-dev.lock \
	  --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' -o deploy/requirements.lock

clean: ## Delete .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Delete what make run has stored: candles, Airflow's runs, passwords
	rm -rf .local_stack
