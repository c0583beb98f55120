# alertd's commands. Each sets up what it needs first; a second run starts at once.
#
# Variables: PYTHON (interpreter), ALERTD_OFFLINE_KIT (install from a kit, without network),
# WORKERS (parallel tests), T (pytest's own arguments), and alertd's settings (ALERTD_PORT,
# ALERTD_DATA_DIR, …).

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
# Two more than there are cores: many tests wait for processes, sockets and browsers.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 8 ? cores + 2 : 8)))
T ?=
PYTEST := $(BIN)/python -m pytest
# Containers often forbid to keep compiled files; each of the tests' processes would compile alertd.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## show this
	@echo 'make <command>, in a checkout of alertd:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

.PHONY: run
run: setup-run ## set up, then serve a sample city with simulated phones (Ctrl-C ends it)
	@$(BIN)/alertd serve --sample-city

.PHONY: demo
demo: setup-run ## the whole job once, in under a minute: import, alert, replies, report
	@$(BIN)/alertd demo

.PHONY: test
test: setup-dev system-packages ## set up, then run every test but the slow proofs
	@mkdir -p build
	@$(PYTEST) -n $(WORKERS) -m 'not soak and not peers' --session-timeout=2400 \
		--junitxml=build/junit.xml $(T)

# `make test` has the promises, the workers and the kill loops on PostgreSQL; this has all the rest.
# What is about a database's file alone stays on SQLite by itself.
.PHONY: test-postgresql
test-postgresql: setup-dev system-packages ## the same tests with every city on a real PostgreSQL
	@ALERTD_TEST_DATABASE=postgresql $(PYTEST) -n $(WORKERS) -m 'not soak and not peers' $(or $(T),tests)

.PHONY: soak
soak: setup-dev system-packages ## the slow proofs: a thousand kills, long runs (hours)
	@mkdir -p build
	@$(PYTEST) -m soak --timeout=7200 --junitxml=build/junit-soak.xml $(T)

# What is missing in the end is skipped, each with a line that says what to install.
.PHONY: test-peers
test-peers: setup-dev ## ask the peers that pip doesn't bring: Dovecot, Kannel, smstools, gammu-smsd, Prism, npm's SMPP
	@scripts/system-packages.sh mosquitto dovecot-imapd npm kannel smstools gammu-smsd || true
	@scripts/peers-npm.sh || true
	@$(PYTEST) -m peers -rs $(or $(T),tests)

.PHONY: mutants
mutants: setup-dev ## change decisions, journal and signing code one thing at a time: do tests notice? (an hour)
	@$(BIN)/python -m tests.faults.mutants --out build/mutants.json $(T)

.PHONY: check
check: check-lint check-format check-types check-layers check-texts ## lint, format, types, layers, translations

.PHONY: check-lint check-format check-types check-layers check-texts
check-lint: setup-dev
	@$(BIN)/ruff check
check-format: setup-dev
	@$(BIN)/ruff format --check
check-types: setup-dev
	@$(BIN)/mypy
check-layers: setup-dev
	@$(BIN)/lint-imports
check-texts: setup-dev
	@$(BIN)/python -m alertd.i18n check --errors

.PHONY: format
format: setup-dev ## let ruff put the sources in order
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

.PHONY: screenshots
screenshots: setup-dev system-packages ## pictures of the console for docs/images, from a sample city in mid-alert
	@$(BIN)/python -m tests.browser.screenshots docs/images

.PHONY: sample-report
sample-report: setup-dev ## the report in docs/sample-report, from a drill in a made-up city
	@$(BIN)/python -m tests.sample_report docs/sample-report

.PHONY: bench
bench: setup-dev setup-bench ## measure against the limits; writes build/bench.json
	@mkdir -p build
	@$(BIN)/python tests/bench/run.py --out build/bench.json $(T)

.PHONY: bench-scale
bench-scale: setup-dev setup-bench ## PostgreSQL, several workers, to 2,000,000 recipients (T='--most 200000')
	@scripts/system-packages.sh redis-server || true
	@mkdir -p build
	@$(BIN)/python tests/bench/scale.py --out build/bench-scale.json $(T)

.PHONY: lock
lock: ## resolve requirements/*.in into *.lock (UPGRADE=1 for newer versions)
	@scripts/lock.sh

.PHONY: offline-kit
offline-kit: setup-dev ## write offline-kit/, from which set-up works without network
	@scripts/offline-kit.sh

.PHONY: clean
clean: ## remove what these commands made, but not data/ and offline-kit/
	rm -rf .venv .venv-bench build dist demo-output .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

.PHONY: setup-run setup-dev setup-bench system-packages
setup-run:
	@scripts/setup.sh run
setup-dev:
	@scripts/setup.sh dev
setup-bench:
	@scripts/setup.sh bench
# Without them their tests skip, each with one line that says what to install.
system-packages:
	@scripts/system-packages.sh mosquitto libfaketime chromium fonts-noto-cjk || true
