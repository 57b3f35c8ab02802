# Every command a person needs has one name. Each sets itself up on a fresh clone and can be repeated.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := shared services/trainer services/embedder services/scorer services/standalone
INSTALLED := $(VENV)/.installed

.PHONY: help demo hurricane up test check format migrate

help: ## what can be typed
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): constraints.txt $(PROJECTS:%=%/pyproject.toml)
	@echo "==> Setting up $(VENV) (a minute or two, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0 hatchling editables
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation \
	    $(PROJECTS:%=-e %) $$(cat requirements-dev.txt)
	@touch $@

demo: $(INSTALLED) ## the paper's question, answered on real text in ten minutes (TEXT=file takes yours)
	@$(BIN)/python -m hindcast_standalone demo $(if $(TEXT),--text "$(TEXT)")

hurricane: $(INSTALLED) ## the paper's own passage: WIKITEXT2=folder, EPOCHS=3; goes on where it was
	@test -n "$(WIKITEXT2)" || { echo "Say where WikiText-2 is: make hurricane WIKITEXT2=folder"; exit 2; }
	@$(BIN)/python -m hindcast_standalone hurricane --wikitext2 "$(WIKITEXT2)" $(if $(EPOCHS),--epochs $(EPOCHS))

up: $(INSTALLED) ## PostgreSQL, Redis, the three services on http://127.0.0.1:8000 and a worker; Ctrl-C stops all
	@$(BIN)/python -m hindcast_standalone up

test: $(INSTALLED) ## every test, against real servers (under ten minutes on two cores)
	@echo "==> Tests: unit, contract, integration, acceptance"
	@$(BIN)/python -m pytest tests

check: $(INSTALLED) ## import contracts, types, lint, migrations, OpenAPI snapshot
	@echo "==> Import contracts" && $(BIN)/lint-imports
	@echo "==> Types" && $(BIN)/mypy
	@echo "==> Lint" && $(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(INSTALLED) ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

migrate: $(INSTALLED) ## bring the database of HINDCAST_DATABASE_URL to this code's schema
	@$(BIN)/python -m hindcast_standalone migrate
