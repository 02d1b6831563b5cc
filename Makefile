# Everything a newcomer needs. Each target builds .venv itself on a machine with Python >= 3.11.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready

# Containers often forbid bytecode; then each of the tests' processes compiles torch anew, in 8 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup leaderboard reports check-reports site test lint format perf endure lock upgrade clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## build .venv from requirements.lock

$(READY): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: $(PYTHON) is missing or older than 3.11; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "error: $(PYTHON) lacks venv or ensurepip; install it (Debian: apt install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements-uv.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

leaderboard: setup  ## train, score and rank the quick digits suite on this CPU (about 3 minutes)
	$(BIN)/aigc bench run digits-quick
	$(BIN)/aigc report leaderboard digits-quick
	@echo "your table: my-reports/digits-quick/leaderboard.md"

reports: setup  ## make every committed report, card and README block again, and the site
	$(BIN)/aigc report all
	$(BIN)/aigc report site

check-reports: setup  ## are the committed reports what their records make? (exit code 5 if not)
	$(BIN)/aigc report all --check

site: setup  ## build the static site; then open site/index.html
	$(BIN)/aigc report site

test: setup  ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -q

lint: setup  ## ruff check, ruff format --check, mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## let ruff repair style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

perf: setup  ## measure speed against textbook code, as ratios in one run
	$(BIN)/python tests/perf

endure: setup  ## kill a suite twenty times and compare it with one left alone (about 8 minutes)
	$(BIN)/python tests/endurance

# Scores are equal to the last bit only under one torch: adding a package must not bring another one.
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links --quiet

lock: setup  ## write requirements.lock for pyproject.toml, keeping the versions that it names (hashes, no addresses)
	$(COMPILE) pyproject.toml --extra dev $(UPGRADE) --output-file requirements.lock

upgrade: setup  ## resolve everything again to the newest versions, uv too (other numbers, in the last digits)
	echo uv | $(COMPILE) - --upgrade --output-file requirements-uv.lock
	$(MAKE) lock UPGRADE=--upgrade

clean:  ## remove .venv and caches; runs and reports stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
