# Each target is one command; `make help` lists them. What a target needs is installed into this folder first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(PATH)
RUN := .tools/bin/uv run --frozen --no-sync
DEPTRY := $(RUN) deptry . -ee bench -ee '\.ci'
OLDEST := 3.11
KEEP ?=
QUICK ?=

.PHONY: help parts demo test unit oldest lint image bench

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1 \t\2/' | expand -t 16

parts: ## install uv, livekit-server, actionlint and the Python packages into this folder
	@./install.sh

demo: parts ## two tenants, two projects, two callers, answered aloud (KEEP=1 leaves all up)
	@$(RUN) python -m sandbox demo $(if $(KEEP),--keep)

test: parts ## lint, types, import contracts and every test, on real parts
	@$(MAKE) --no-print-directory lint
	@$(RUN) pytest -q

unit: parts ## the tests that start no server, in under half a minute
	@$(RUN) pytest -q -m "not integration"

oldest: parts ## the quick tests and the demo on the oldest Python that is supported
	@UV_PROJECT_ENVIRONMENT=.cache/python$(OLDEST) .tools/bin/uv sync --frozen --quiet --all-extras --python $(OLDEST)
	@.cache/python$(OLDEST)/bin/python -m pytest -q -m "not integration"
	@.cache/python$(OLDEST)/bin/python -m sandbox demo

lint: parts ## ruff, mypy, the import contracts, declared dependencies, the workflows and the scripts
	@$(RUN) ruff check . && $(RUN) ruff format --check . && $(RUN) mypy . .ci && $(RUN) lint-imports
	@# What each install has: the worker alone, the control plane as well, all.
	@$(DEPTRY) -ee control -ee sandbox -oddg control,sandbox
	@$(DEPTRY) -ee sandbox -oddg sandbox
	@$(DEPTRY)
	@$(RUN) actionlint .github/workflows/*.yml && $(RUN) shellcheck *.sh $(wildcard */*.sh) .ci/run .ci/newest-sdk

image: parts ## build both container images with a Docker Engine and print the size of each part
	@$(RUN) python -m sandbox image

bench: parts ## measure this worker beside the stock one (QUICK=1: under 3 minutes, for the shape alone)
	@$(RUN) python -m bench $(if $(QUICK),--quick)
