# Everything runs in .venv, from one hashed lock. Try `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The optional packages of pyproject.toml: `local` runs speech models on this machine, `dev` holds
# what the tests, the demo and the linters need.
EXTRAS := local dev
STAMP := $(VENV)/.installed-$(subst $() ,-,$(strip $(EXTRAS)))

export PATH := $(CURDIR)/$(BIN):$(PATH)
export DBT_TARGET_PATH ?= target

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-shell test chaos lint bench bench-refresh bench-plans bench-queue bench-throughput lock docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) profiles.yml ## install the locked packages into .venv (988 MB); EXTRAS= only those that run it (298 MB)

# uv is itself a locked package, so that pip checks even the installer against its hash. The lock
# holds more packages than an installation needs: uv takes its versions and hashes as constraints,
# and refuses a package that has no hash there.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + ": try make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	awk '/^[a-z]/ { keep = /^uv==/ } keep' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --exact --require-hashes --compile-bytecode \
		--constraints requirements.lock -r $(VENV)/uv.lock -r pyproject.toml $(EXTRAS:%=--extra %)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --build-constraints requirements.lock --editable .
	$(if $(filter dev,$(EXTRAS)),,$(BIN)/uv pip uninstall --quiet --python $(BIN)/python uv)
	@rm -f $(VENV)/.installed*
	@touch $@

# dbt looks for it in the folder where it is started. It is made once, since people change theirs.
profiles.yml:
	cp profiles.example.yml $@

demo: setup ## recordings to transcripts on an embedded PostgreSQL; NEW=3 lets three more arrive
	@python -m tests.demo --new $(or $(NEW),0)

demo-shell: setup ## a shell in which psql, dbt and transcriber use the demo's database
	@python -m tests.demo --shell

test: setup ## every test, on an embedded PostgreSQL or on the server that PGHOST names
	@python -m pytest -n 2 $(ARGS)

chaos: setup ## workers, database and provider broken at random while 5,000 files are done; ARGS="--seed 2"
	@python -m tests.system.chaos $(ARGS)

lint: setup ## every linter: SQL, migrations, Python, types, imports, the workflow
	@sqlfluff lint --disable-progress-bar --templater jinja models macros tests/promises
	@sqlfluff lint --disable-progress-bar --templater raw migrations
	@sqlfluff lint --disable-progress-bar --templater placeholder transcriber
	@squawk migrations/*.sql
	@ruff check
	@ruff format --check
	@mypy
	@lint-imports --no-logo --no-cache
	@check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

bench: setup ## what a run costs when nothing is to do; ARGS="--files 1000000" for a large catalogue
	@python -m tests.benchmarks.startup $(ARGS)

bench-refresh: setup ## the refresh beside the handover's own SQL; ARGS="--growth" for how it grows
	@python -m tests.benchmarks.refresh $(ARGS)

bench-plans: setup ## the refresh at five sizes under three states of the statistics
	@python -m tests.benchmarks.refresh.plans $(ARGS)

bench-queue: setup ## the queue's claims, and its jobs a second beside other queues (installed into .bench)
	@python -m tests.benchmarks.queue $(ARGS)

bench-throughput: setup ## a run's files a second, CPU and memory, and how it treats a provider's limit
	@python -m tests.benchmarks.throughput $(ARGS)

docs: setup ## dbt's documentation as one offline page, target/static_index.html
	@mkdir -p $(DBT_TARGET_PATH)/profile
	@cp profiles.example.yml $(DBT_TARGET_PATH)/profile/profiles.yml
	@python -m tests.support.servers.postgres sh -ec 'transcriber migrate; python -m tests.demo.source; \
		export DBT_PROFILES_DIR=$(DBT_TARGET_PATH)/profile; \
		dbt --quiet run; dbt --quiet docs generate --static'
	@echo "open $(DBT_TARGET_PATH)/static_index.html"

lock: setup ## renew requirements.lock from pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes \
		--no-emit-index-url --no-header --extra local --extra dev --output-file requirements.lock pyproject.toml

clean: ## remove everything that was made here, the demo's database too
	rm -rf $(VENV) .bench .demo target logs dbt_packages .pytest_cache .mypy_cache .ruff_cache
