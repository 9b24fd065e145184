# The front door: `make report` and `make test` do all the set-up themselves.
STUDY ?= studies/demo.yaml
PYTHON ?= python3
AFTERTUNE_DATA ?= ../shared/data
AXE := 4.14.1
WORKERS ?= 2
# Recipes name these as the shell's own variables: nothing in a study's name is taken for a word of the command.
export AFTERTUNE_DATA STUDY PROFILE VERBOSE

define NEWLINE


endef
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
TAB := $(shell printf '\t')
# pip starts its scripts through a shell where the path has a space, within double quotes.
SHELLS := $(if $(findstring $(SPACE),$(CURDIR)),$(foreach sign," `,$(findstring $(sign),$(CURDIR))))
ODD := $(strip $(foreach sign,: { } $$,$(findstring $(sign),$(CURDIR))) \
    $(if $(findstring $(NEWLINE),$(CURDIR)),a line break) $(if $(findstring $(TAB),$(CURDIR)),a tab) \
    $(if $(strip $(SHELLS)),a space and $(strip $(SHELLS))))
ifneq (,$(ODD))
$(error This folder has $(ODD) in its name, which the path or pip takes for something else: move the project into one without)
endif

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help report plan verify test test-slow test-next peers hub-test cluster-test bench browser lint docs clean lock setup

help: ## List these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
	@echo "STUDY=$$STUDY (set another: STUDY=studies/seed-small.yaml make report)"

report: $(READY) ## Run the study and write build/<study>/report.html and report.md
	@python -m aftertune run "$$STUDY" $${PROFILE:+--profile "$$PROFILE"} $${VERBOSE:+-v}

plan: $(READY) ## Print what the study would do: steps, parameters, rows, memory, time
	@python -m aftertune plan "$$STUDY"

verify: $(READY) ## Check every number and sentence of the study's report against its files
	@python -m aftertune verify "build/$$(basename "$${STUDY%.*}")/report.html"
	@python -m aftertune verify "build/$$(basename "$${STUDY%.*}")/report.md"

test: $(READY) ## Run the tests but the slow ones, two files at a time (WORKERS=2; 0 for one process)
	python -m pytest -rs -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: $(READY) ## Run the slow tests
	python -m pytest -rs -m slow

hub-test: $(READY) ## Run the seed's own study, made small by limits, against a Hub of the tests' own: plan, run, push and back
	pytest -rs -s -m 'slow or not slow' tests/hub_server tests/hub_study

NEXT := build/next
NEXT_LM_EVAL := 0.5.0.dev1
NEXT_TESTS := tests/next tests/harness_tasks tests/finetune/test_rows.py
test-next: $(READY) ## Run the tests of tasks, rows and scoring with the next lm_eval, in an environment of its own
	test -x $(NEXT)/bin/python || $(PYTHON) -m venv $(NEXT)
	sed '/^lm_eval==/d' requirements.txt > $(NEXT)/requirements.txt
	$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check -r $(NEXT)/requirements.txt lm_eval==$(NEXT_LM_EVAL)
	$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-demo.txt -r requirements-test.txt
	$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(NEXT)/bin/python -m harness_tasks.metrics._fetch_wordnet
	STABLE_PYTHON="$$PWD/$(BIN)/python" PATH="$$PWD/$(NEXT)/bin:$$PATH" $(NEXT)/bin/python -m pytest -rs $(NEXT_TESTS)

PEERS := build/peers
peers: $(READY) ## Run lighteval and Inspect, in an environment of their own, and compare their results beside lm_eval's
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check torch==$(shell sed -n 's/^torch==//p' requirements.txt) --group peers
	PEERS_PYTHON="$$PWD/$(PEERS)/bin/python" python -m pytest -rs tests/peers

cluster-test: $(READY) ## Install SLURM (by apt-get, where it is not) and its plug-in, and run the test on a cluster of one node
	@command -v slurmctld && command -v munged || \
	    (SUDO=$$(test "$$(id -u)" = 0 || echo sudo); $$SUDO apt-get update -q && $$SUDO apt-get install -qy --no-install-recommends slurm-wlm munge)
	python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e '.[cluster]'
	python -m pytest -rs -s -m slow tests/workflow/test_cluster.py

browser: $(READY) ## Install what the tests in a browser need: Chromium (by apt-get, where there is none) and axe-core
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	    (SUDO=$$(test "$$(id -u)" = 0 || echo sudo); $$SUDO apt-get update -q && $$SUDO apt-get install -qy --no-install-recommends chromium)
	npm install --prefix build/browser --no-audit --no-fund --no-package-lock axe-core@$(AXE)

BENCH := build/bench
bench: $(READY) ## Time scoring beside lm_eval's hf, on a quiet machine after `make report`, and write docs/benchmarks.md
	mkdir -p $(BENCH)
	python -m benchmarks.evaluation --data-dir "$$AFTERTUNE_DATA" --output $(BENCH)/evaluation.json
	python -m benchmarks.evaluation --data-dir "$$AFTERTUNE_DATA" --case squad \
	    --adapter build/demo/checkpoints/passages_demo-lora-seed1 --output $(BENCH)/fine-tuned.json
	python -m benchmarks.evaluation --data-dir "$$AFTERTUNE_DATA" --case demo \
	    --adapter build/demo/checkpoints/reviews_demo-lora-seed1 \
	    --adapter build/demo/checkpoints/passages_demo-lora-seed1 --output $(BENCH)/adapters.json
	python -m benchmarks.evaluation --data-dir "$$AFTERTUNE_DATA" --case demo --case sst2 --case squad-500 \
	    --dtype float32 --pairs 1 --output $(BENCH)/float32.json
	python -m benchmarks.roofline --data-dir "$$AFTERTUNE_DATA" --output $(BENCH)/roofline.json
	python -m benchmarks.scaling --data-dir "$$AFTERTUNE_DATA" --output $(BENCH)/scaling.json
	python -m benchmarks.statistics --json > $(BENCH)/statistics.json
	python -m benchmarks.page --numbers $(BENCH)

lint: $(READY) ## Check style, types, and that imports go one way
	python -m ruff check .
	python -m ruff format --check .
	python -m mypy
	lint-imports

docs: $(READY) ## Build the documentation site in build/site; a broken link is an error
	python docs/build_site.py

setup: $(READY) ## Make the virtual environment, and fetch WordNet into it where apt-get can

$(READY): requirements.txt requirements-demo.txt requirements-test.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=python3.12 make ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-demo.txt -r requirements-test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m harness_tasks.metrics._fetch_wordnet
	touch $@

lock: $(READY) ## Write requirements.txt anew from the ranges in pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet torch==$(shell sed -n 's/^torch==//p' requirements.txt) -e '.[dev]'
	(sed -n '/^#/p' requirements.txt; build/lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//') > requirements.new
	mv requirements.new requirements.txt
	rm -r build/lock

clean: ## Remove everything that was built, the virtual environment too
	rm -rf build dist $(VENV) .snakemake *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache
