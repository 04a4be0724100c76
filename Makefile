# Konversi. Needs make, Python 3.11 or newer and pip; everything else is fetched into .venv by the first target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
ARGS ?=

# Bytecode is kept, and out of the tree, even where the surroundings want none: compiling the libraries takes a process
# two thirds of its start, and the tests start hundreds.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo example browser screenshots test fast fault agents check lint types imports format lock vercel bench clean

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

$(VENV)/.run: $(UV) requirements/run.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.develop: $(VENV)/.run requirements/develop.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/develop.txt
	@touch $@

demo: $(VENV)/.run ## a booking on its way to a local Meta; ARGS=--once ends after the run
	@$(BIN)/konversi demo $(ARGS)

$(VENV)/example/.run: $(UV) requirements/example.txt pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(BIN)/python $(VENV)/example
	$(UV) pip install --quiet --python $(VENV)/example/bin/python --require-hashes -r requirements/example.txt
	$(UV) pip install --quiet --python $(VENV)/example/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

example: $(VENV)/example/.run ## from an ad click over a chat to a booking at a local Meta; ARGS=--keep leaves it running
	@PYTHONPATH=examples $(VENV)/example/bin/python -m whatsapp_booking.demo $(ARGS)

# Files in their own order: the ones with the fewest tests, which come last otherwise, hold the longest of all.
test: $(VENV)/.develop browser ## all tests, on all cores
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

browser: ## Chromium, in which tests/browser look at the pages; Debian's, where there is none
	@command -v chromium || command -v chromium-browser || test -x "$$CHROMIUM" || \
	  { $$(test "$$(id -u)" = 0 || echo sudo) apt-get update -qq && $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y -qq --no-install-recommends chromium; }

screenshots: $(VENV)/.develop browser ## take the README's pictures of the dashboard anew
	$(BIN)/python tests/browser/pictures.py

fast: $(VENV)/.develop ## the tests without I/O
	$(BIN)/python -m pytest tests/unit $(ARGS)

fault: $(VENV)/.develop ## the tests that kill real processes
	$(BIN)/python -m pytest -m fault $(ARGS)

agents: $(VENV)/.develop ## each agent framework's tests, in an environment of its own
	$(BIN)/nox --parallel 2 $(ARGS)

check: lint types imports test agents ## everything that CI checks

lint: $(VENV)/.develop
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.develop
	$(BIN)/mypy

imports: $(VENV)/.develop
	$(BIN)/lint-imports

format: $(VENV)/.develop ## put the code in shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(UV) ## compile requirements/*.txt anew
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 pyproject.toml requirements/build.in -o requirements/run.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 --extra postgres -c requirements/run.txt pyproject.toml requirements/build.in -o requirements/postgres.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 --group test --group check -c requirements/run.txt pyproject.toml requirements/build.in -o requirements/develop.txt
	for file in requirements/agents/*.in; do $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 pyproject.toml requirements/build.in $$file -o $${file%.in}.txt || exit 1; done
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 -c requirements/run.txt pyproject.toml requirements/build.in requirements/example.in -o requirements/example.txt
	echo uv | $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --python-version 3.11 - -o requirements/uv.txt

vercel: ## what `vercel deploy dist/vercel` takes
	rm -rf dist/vercel
	mkdir -p dist/vercel
	cp -R deploy/vercel/. src/konversi dist/vercel/
	cp requirements/postgres.txt dist/vercel/requirements.txt
	find dist/vercel -name __pycache__ -prune -exec rm -rf {} +

bench: $(VENV)/.develop ## the benchmarks; needs wrk
	$(BIN)/python benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) .nox .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
