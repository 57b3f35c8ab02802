# Every command a person needs has one name. Each sets itself up on a fresh clone and can be repeated.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := shared services/trainer services/embedder services/scorer services/standalone client
SNAPSHOT := docs/openapi.json
INSTALLED := $(VENV)/.installed
PIP = $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: client docs docs-serve pictures help demo text hurricane table1 asr-demo switchboard up kenlm test bench check snapshot format migrate

help: ## what can be typed
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): constraints.txt requirements-dev.txt $(PROJECTS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Hindcast needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	         "Name another: make PYTHON=python3.11 …" >&2; exit 1; }
	@echo "==> Setting up $(VENV) (minutes, once)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { \
	    echo "$(PYTHON) can't make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PIP) torch==2.13.0 hatchling editables
	@$(PIP) --no-build-isolation $(PROJECTS:%=-e %) $$(cat requirements-dev.txt)
	@touch $@

demo: $(INSTALLED) ## the paper's question, answered on real text in ten minutes (TEXT=file takes yours)
	@$(BIN)/python -m hindcast_standalone demo $(if $(TEXT),--text "$(TEXT)")

text: $(INSTALLED) ## the demo's text, as wikipedia.jsonl.gz
	@$(BIN)/python -m hindcast_standalone text wikipedia.jsonl.gz

hurricane: $(INSTALLED) ## the paper's own passage: WIKITEXT2=folder, EPOCHS=2; goes on where it was
	@test -n "$(WIKITEXT2)" || { echo "Say where WikiText-2 is: make hurricane WIKITEXT2=folder"; exit 2; }
	@$(BIN)/python -m hindcast_standalone hurricane --wikitext2 "$(WIKITEXT2)" $(if $(EPOCHS),--epochs $(EPOCHS))

table1: $(INSTALLED) ## the paper's Table 1, in hours: DATA=folder, SCALE=0.1 SEEDS=3 LM_WORDS=… ROWS="…" BASELINE=word2vec-superset LM='{"dropout":0.4}' SETTLED='{…}' UNTUNED=1 CURVE=1; goes on where it was
	@test -n "$(DATA)" || { echo "Say where the corpora are: make table1 DATA=folder"; exit 2; }
	@$(BIN)/python -m hindcast_standalone table1 --data "$(DATA)" $(if $(SCALE),--scale $(SCALE)) \
	    $(if $(SEEDS),--seeds $(SEEDS)) $(if $(LM_WORDS),--lm-words $(LM_WORDS)) $(if $(EPOCHS),--epochs $(EPOCHS)) \
	    $(if $(OUTPUT),--output "$(OUTPUT)") $(if $(CURVE),--curve) $(if $(UNTUNED),--untuned) \
	    $(if $(LM),--lm '$(LM)') $(if $(SETTLED),--settled '$(SETTLED)') $(if $(BASELINE),--baseline $(BASELINE)) $(if $(ROWS),--rows $(ROWS))

asr-demo: $(INSTALLED) ## PocketSphinx's lists and lattices of real speech, rescored: DATA=folder, MODEL=… EPOCHS=3 WORDS=… OUTPUT=folder; goes on where it was
	@test -n "$(DATA)" || { echo "Say where the recordings and novels are: make asr-demo DATA=folder"; exit 2; }
	@$(BIN)/python -c 'import pocketsphinx, soundfile' 2>/dev/null || $(PIP) pocketsphinx soundfile
	@$(BIN)/python -m hindcast_standalone asr-demo --data "$(DATA)" $(if $(MODEL),--model "$(MODEL)") \
	    $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(WORDS),--words $(WORDS)) $(if $(OUTPUT),--output "$(OUTPUT)")

switchboard: $(INSTALLED) ## Switchboard's n-best lists, rescored with and without pre-trained embeddings, in an hour or two: DATA=folder, SEEDS=3 EPOCHS=… LMPLZ=program OUTPUT=folder; goes on where it was
	@test -n "$(DATA)" || { echo "Say where the lists and the corpora are: make switchboard DATA=folder"; exit 2; }
	@$(BIN)/python -m hindcast_standalone switchboard --data "$(DATA)" $(if $(SEEDS),--seeds $(SEEDS)) \
	    $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(LMPLZ),--lmplz "$(LMPLZ)") $(if $(OUTPUT),--output "$(OUTPUT)")

up: $(INSTALLED) ## PostgreSQL, Redis, the three services on http://127.0.0.1:8000 and a worker; Ctrl-C stops all
	@$(BIN)/python -m hindcast_standalone up

kenlm: $(INSTALLED) ## what reads n-gram models (/v1/ngrams), built from source: needs g++, make and cmake, and minutes
	@for tool in g++ make cmake; do command -v $$tool >/dev/null || { \
	    echo "kenlm is built from source, and $$tool is missing. On Debian or Ubuntu: apt install g++ make cmake" >&2; \
	    exit 1; }; done
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e 'services/scorer[ngram]'

test: $(INSTALLED) ## every test, against real servers (about ten minutes on two cores)
	@echo "==> Tests: unit, training, contract, migrations, integration, acceptance"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadscope tests

bench: $(INSTALLED) ## speed beside the textbook's way and other methods, as ratios within one run
	@$(BIN)/python benchmarks/training_speed.py --json $(VENV)/training_speed.json
	@$(BIN)/python benchmarks/cell_states.py --json $(VENV)/cell_states.json
	@$(BIN)/python benchmarks/word2vec_speed.py --json $(VENV)/word2vec_speed.json

check: $(INSTALLED) ## import contracts, types, lint, migrations, OpenAPI snapshot
	@echo "==> Import contracts, and that they see every file" && $(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest --quiet tests/contract/test_imports.py
	@echo "==> Types" && $(BIN)/mypy
	@echo "==> Lint" && $(BIN)/ruff check --no-cache . && $(BIN)/ruff format --check .
	@echo "==> Migrations make the tables that the code has" && $(BIN)/python -m pytest --quiet tests/migrations
	@echo "==> $(SNAPSHOT) is what the services say" && $(BIN)/python -m hindcast_standalone openapi > $(VENV)/openapi.json
	@diff $(SNAPSHOT) $(VENV)/openapi.json || { echo "If that change is meant: make snapshot" >&2; exit 1; }

snapshot: $(INSTALLED) ## write the services' OpenAPI document to docs/openapi.json
	@$(BIN)/python -m hindcast_standalone openapi > $(VENV)/openapi.json && mv $(VENV)/openapi.json $(SNAPSHOT)

docs: $(INSTALLED) ## the documentation as a site, in site/: open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "==> site/index.html"

docs-serve: $(INSTALLED) ## the same on http://127.0.0.1:8001, made anew when a page changes
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8001 --watch client --watch README.md --watch CHANGELOG.md

pictures: $(INSTALLED) ## docs/images, of a running Hindcast on which the tutorial was typed, and `make demo` after it; needs chromium
	@$(BIN)/python docs/generation/pictures.py

client: $(INSTALLED) ## write what is made of others in the client: its synchronous half, and the types of answers
	@$(BIN)/python client/generate.py

format: $(INSTALLED) ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

migrate: $(INSTALLED) ## bring the database (yours, where HINDCAST_DATABASE_URL is set) to this code's schema
	@$(BIN)/python -m hindcast_standalone migrate
