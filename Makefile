# make demo    start a server and stream the bundled speech to it
# make run     start a server for development and say how to send it a file
# make test    run all tests
# make training  a second virtual environment, with what trains models
# make bench   Rechka beside other shapes of a server, in ten minutes on two idle cores
# make check   everything that CI runs: linters, types, import rules, generated files, tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVER := $(VENV)/.server-installed
DEV := $(VENV)/.dev-installed

SIDE_BY_SIDE := tests/unit tests/contract tests/house

# Of `make bench`; bench/peers.py tells the others.
BENCH ?= --lang ru-RU

.PHONY: setup demo run test bench check lint training

setup: $(DEV)

demo: $(SERVER)
	@echo 'Starting a server; the first start after an installation compiles for half a minute ...'
	@GRPC_VERBOSITY=ERROR $(BIN)/python examples/demo.py

run: $(SERVER)
	@token=$$($(BIN)/rechka access bootstrap --data-dir .rechka --json \
	    | $(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["iam_token"])') && \
	printf 'The first start after an installation compiles for half a minute.\n' && \
	printf 'Once the server is ready, send it a file from another terminal:\n\n' && \
	printf '  RECHKA_TOKEN=%s %s recognize examples/audio/speech.ogg --endpoint 127.0.0.1:50051 --lang en-US --partial\n\n' \
	    "$$token" "$(BIN)/rechka"
	@exec $(BIN)/rechka serve --data-dir .rechka

# Those that neither serve nor wait run side by side; the others would notice each other.
test: $(DEV)
	$(BIN)/pytest -n logical $(SIDE_BY_SIDE)
	$(BIN)/pytest $(SIDE_BY_SIDE:%=--ignore %)

bench: $(DEV)
	@GRPC_VERBOSITY=ERROR $(BIN)/python bench/peers.py $(BENCH)

training: .venv-training/.installed

check: lint test

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate_protos.py --check
	$(BIN)/python tools/document_settings.py --check

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(SERVER): pyproject.toml starter-models/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ./starter-models --editable '.[server]'
	@touch $@

$(DEV): pyproject.toml starter-models/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ./starter-models --editable '.[server,evaluate,sherpa,vosk]' --group dev
	@touch $@ $(SERVER)

.venv-training/.installed: training/acoustic/requirements.txt
	$(PYTHON) -m venv .venv-training
	.venv-training/bin/python -m pip install --quiet --requirement $<
	@touch $@
