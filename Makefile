# Everything runs inside .venv; a machine needs Python 3.11 or later and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Tests run side by side, and figures are of one core; a pool of threads in each would only make them wait.
test test-slow bench: export OPENBLAS_NUM_THREADS := 1
test test-slow bench: export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check bench docs clean

help:  ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: .venv/demo  ## hide and reveal real pictures with every method; look at demo/index.html
	$(BIN)/intarsia demo demo

test: check  ## format, lint, types and every quick test
	$(BIN)/python -m pytest -n auto

test-slow: .venv/test  ## the tests that take minutes
	$(BIN)/python -m pytest -n auto -m slow

check: .venv/test  ## format, lint and types only
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/mypy

bench: .venv/test .venv/others  ## time and distortion beside other tools, and items/s of training, on this machine
	$(BIN)/python benchmarks/compare.py --stegano .venv/others/bin/stegano-lsb
	$(BIN)/python benchmarks/training.py

docs: .venv/docs  ## build the documentation into site/
	$(BIN)/mkdocs build --quiet --strict

clean:  ## remove everything that was built
	rm -rf .venv build dist site demo benchmarks/results .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed"'
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[demo]'
	@touch $@

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[test]'
	@touch $@

# A tool to compare with, in an environment of its own; steghide and stegosuite are used when the machine has them.
.venv/others: .venv/bin/python
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check stegano

.venv/docs: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[docs]'
	@touch $@
