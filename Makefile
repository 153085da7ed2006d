# Every target does its own set-up: a machine with Python 3, make and a package manager is enough.
PYTHON ?= python3
PROVISION = $(PYTHON) -m app.provision
BIN = .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test phone-core test-hostile clients check openapi lock migration bench \
	peers bench-routing bench-planner bench-payouts bench-push up status stop clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## Find or install Python, uv, the locked packages, PostgreSQL; compile modules and the planner
	@$(PROVISION) setup
	@$(BIN)/python -m compileall -q app dispatch routing
	@$(BIN)/python -m dispatch.search

demo: setup ## Play a winter morning over HTTP, e.g. ARGS="--orders 200 --hours 8"
	$(BIN)/paigong demo $(ARGS)

test: setup ## Run the tests, e.g. ARGS="tests/dispatch -k joint"
	@# When it is set, workers cannot share the test modules that they rewrite.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 3 --dist worksteal $(ARGS)

phone-core: ## Build and test the phone's core (Node 20)
	cd clients/phone-core && npm ci --silent && npm test

test-hostile: setup ## Phones on a hostile network, everything killed meanwhile: under 10 minutes
	cd clients/phone-core && npm ci --silent && npm run --silent build
	$(BIN)/python -m tests.hostile --out benchmarks/out/hostile.json $(ARGS)

clients: setup ## Generate clients in four languages, compile TypeScript (needs Java)
	$(BIN)/python -m clients.generate $(ARGS)

check: setup ## Lint, types, import contracts, migrations, OpenAPI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/paigong check-migrations
	$(BIN)/paigong openapi --check

openapi: setup ## Write openapi/openapi.json from the code
	$(BIN)/paigong openapi

lock: ## Compile requirements.lock anew after a change of pyproject.toml
	@$(PROVISION) lock

migration: setup ## Write a migration from the models: M="add column x"
	@test -n '$(M)' || { echo 'paigong: say what it does: make migration M="add column x"' >&2; exit 1; }
	$(BIN)/paigong make-migration '$(M)'

bench: bench-routing bench-planner bench-payouts bench-push ## Run all benchmarks; results go to benchmarks/out/

peers: setup
	@$(PROVISION) peers

bench-routing: peers ## Travel times against raw OSRM, scipy and Valhalla
	$(BIN)/python -m benchmarks.routing $(ARGS)

bench-push: setup ## Intake to push provider; 200 event streams at 100 changes a second
	$(BIN)/python -m benchmarks.push $(ARGS)

bench-planner: peers ## Plans beside VROOM and PyVRP; QUICK=1 takes under five minutes
	$(BIN)/python -m benchmarks.planner $(if $(QUICK),--quick) $(ARGS)

bench-payouts: setup ## A month of 400,000 lines of pay recomputed and verified
	$(BIN)/python -m benchmarks.payouts $(ARGS)

up: ## The same system in containers (docker compose)
	docker compose up --build

status: ## Say what is set up and what runs
	@$(PROVISION) status

stop: ## Stop the project's own PostgreSQL servers
	@$(PROVISION) stop

clean: ## Stop our servers; remove var/ and .venv/, nothing else
	@$(PROVISION) clean
