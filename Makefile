# The commands of a developer's day. Each runs in .venv, which is made at the first need and when its inputs change.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PEER_VENV := .venv-benchmarl
INSTALLED := $(VENV)/.installed
UNIT_TESTS := tests/unit tests/hostile tests/gpu $(wildcard tests/test_*.py)
DEMO_RUN = runs/demo-$(shell date +%Y%m%d-%H%M%S)
DEMO_SCENARIOS := $(addprefix --scenario rl_cluster/environment/scenario/shipped/,small.yaml balanced.yaml complex.yaml)

# Processes share the cores out, not threads; floats stay the same on every machine.
export OMP_NUM_THREADS := 1
# Compiled tests and modules are kept for the next run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install prometheus demo test test-slow bench-benchmarl gpu-check check lint types layers docs fast-tests format

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,ortools,pettingzoo,tracking]'
	$(MAKE) --no-print-directory prometheus
	touch $@

# Debian's package, unpacked beside the tests' Python and not installed. Without it the tests that need it are skipped.
prometheus:
	mkdir -p $(VENV)/prometheus
	cd $(VENV)/prometheus && { apt-get download prometheus || { apt-get update && apt-get download prometheus; } } \
		>download.log 2>&1 && dpkg --extract prometheus_*.deb . || cat download.log

demo: $(INSTALLED)
	run=$(DEMO_RUN) \
	&& $(BIN)/rl-cluster train quick_demo --out "$$run" \
	&& $(BIN)/rl-cluster evaluate "$$run" --episodes 200 --policy pretrained --search plans=64 --json "$$run/generated.json" \
	&& $(BIN)/rl-cluster evaluate "$$run" $(DEMO_SCENARIOS) --all --policy pretrained --search plans=64 --json "$$run/scenarios.json"

test: $(INSTALLED)
	$(BIN)/pytest --numprocesses=2 -m 'not long' $(UNIT_TESTS)
	$(BIN)/pytest -m 'not long' tests/ray

# More random kills, memory over 500 iterations, several Learners over five seeds, processes whose memory ends.
test-slow: $(INSTALLED)
	$(BIN)/pytest -m long tests

# The parts run side by side, each part's output in one piece.
check: $(INSTALLED)
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target types lint layers docs fast-tests

lint: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports

# The documents as a web site, in build/site. A link that leads nowhere is an error.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

fast-tests: $(INSTALLED)
	$(BIN)/pytest --numprocesses=2 -m 'not slow and not long' --hypothesis-profile=few $(UNIT_TESTS)

# What only a GPU can show, without Ray, in an environment of its own; writes docs/results/gpu.json.
gpu-check:
	@$(PYTHON) scripts/gpu_check.py

# BenchMARL asks for torchvision, whose wheel does not fit torch's: it gets an environment of its own, without that.
bench-benchmarl: $(INSTALLED) $(PEER_VENV)/.installed
	$(BIN)/python -m benchmarks.measure.mappo --python $(PEER_VENV)/bin/python $(if $(QUICK),--quick) $(if $(JSON),--json $(JSON))

$(PEER_VENV)/.installed: constraints.txt
	$(PYTHON) -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/pip install --quiet --constraint constraints.txt torch torch-geometric
	$(PEER_VENV)/bin/pip install --quiet --no-deps benchmarl==1.5.2 torchrl==0.11.1 tensordict==0.11.0 vmas==1.5.2
	$(PEER_VENV)/bin/pip install --quiet hydra-core tqdm cloudpickle packaging importlib_metadata orjson pyvers gym six
	touch $@

format: $(INSTALLED)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
