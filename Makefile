# The commands of this project. `make demo` and `make test` work on a fresh Debian or Ubuntu with Python 3.11 or newer.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test outside check lint clean

demo: .venv/core
	$(BIN)/python examples/demo.py

# Two processes, each with files of its own; with more than the machine has cores, tests that wait for a training would wait long.
test: .venv/dev outside
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: lint test

# Pages are tested in a real browser, the store also on a real PostgreSQL. Where these are missing and cannot be installed such tests skip,
# saying so; in CI they must run.
outside:
	@{ command -v chromedriver && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver postgresql >/dev/null; } \
		|| echo "no chromium with its driver, or no PostgreSQL: their tests will skip (apt-get install chromium chromium-driver postgresql)"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

.venv/python:
	@test -n "$(PYTHON)" || { echo "osetra needs Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

.venv/dev: .venv/core
	$(PIP) --editable ".[dev,images,onnx,optuna,postgres,torch,ui]"
	@touch $@

clean:
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis demo
