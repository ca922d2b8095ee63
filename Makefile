# perdure: `make` says what there is. Needs only Python 3.11 to 3.13 and make; all else goes into .venv.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-agents test lint soak bench bench-agents bench-smoke clean

PYTHON_IN_VENV := .venv/bin/python
PYTEST := $(PYTHON_IN_VENV) -m pytest
INSTALLED := .venv/.installed
BENCHMARKED := .benchmarks/latest.json
WHAT_IS_INSTALLED := pyproject.toml constraints.txt scripts/setup.sh $(wildcard plugins/*/pyproject.toml) \
	benchmarks/pyproject.toml tests/toy_backend/pyproject.toml

help: ## Say what each command does
	@echo "perdure: durable workflows in plain async Python."
	@echo
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "The first of them makes .venv by itself (PYTHON=/path/to/python chooses another Python for it)."

setup: $(INSTALLED) ## Make .venv and install perdure, its plugins and its tools (the others do it when needed)

$(INSTALLED): $(WHAT_IS_INSTALLED)
	@PYTHON="$(PYTHON)" sh scripts/setup.sh
	@touch $(INSTALLED)

demo: $(INSTALLED) ## Watch a licence audit of this Python survive a kill -9 (under 20 s; BACKEND=dapr or azure: on its servers)
	@$(PYTHON_IN_VENV) examples/licence_audit/demo.py $(if $(BACKEND),--backend "$(BACKEND)")

demo-agents: $(INSTALLED) ## Watch agents and a graph survive a kill -9, with a scripted model (20 s each; BACKEND as for demo)
	@for example in support_agent research_team claim_processing; do \
		$(PYTHON_IN_VENV) -m examples.$$example.demo $(if $(BACKEND),--backend "$(BACKEND)") || exit; done

test: lint ## Check everything that CI checks: lint, all tests, replay on the other Pythons found
	@.venv/bin/perdure stack build azure
	@if command -v npm >/dev/null; then PYTHONPATH=plugins/perdure-azure/tests $(PYTHON_IN_VENV) -m azure_kit.azurite; fi
	@.venv/bin/perdure stack build dapr --mtls
	@$(PYTEST) tests -m "not serial" -n 2
	@$(PYTEST) tests -m serial
	@# Both vendors' messages have the same names: a process that has one's cannot load the other's plainly.
	@for plugin in perdure-azure perdure-dapr perdure-agent-framework perdure-langgraph; do \
		$(PYTEST) plugins/$$plugin -m "not serial" -n 2 || exit; $(PYTEST) plugins/$$plugin -m serial || exit; done
	@$(PYTHON_IN_VENV) -m scripts.test_on_dapr_1_18
	@$(PYTHON_IN_VENV) -m scripts.test_peers
	@$(PYTHON_IN_VENV) -m scripts.replay_on_other_pythons

lint: $(INSTALLED) ## Check style with ruff and types with mypy --strict
	@$(PYTHON_IN_VENV) -m ruff check
	@$(PYTHON_IN_VENV) -m ruff format --check --quiet
	@$(PYTHON_IN_VENV) -m mypy
	@for plugin in perdure-agent-framework perdure-azure perdure-langgraph; do \
		MYPYPATH=plugins/$$plugin/tests $(PYTHON_IN_VENV) -m mypy plugins/$$plugin/tests || exit; done

soak: $(INSTALLED) ## Run the crash and property tests with their full counts (long; prints every seed)
	@for part in tests plugins/*/; do PERDURE_SOAK=1 $(PYTEST) $$part -m soak -s -v || exit; done

bench: $(INSTALLED) ## Measure speed beside the floor of bare SQLite (BACKEND=dapr or azure: beside the vendor's SDK)
ifneq ($(filter-out sqlite,$(BACKEND)),)
	@.venv/bin/perdure bench run --backends $(BACKEND) --native --suite latency,throughput
else
	@mkdir -p .benchmarks
	@$(PYTEST) benchmarks -o python_files="bench_*.py" -o python_functions="bench_*" --ignore=benchmarks/src --timeout 0 \
		--benchmark-columns=min,median,iqr,ops,rounds --benchmark-json=$(BENCHMARKED)
	@$(PYTHON_IN_VENV) -m benchmarks.report $(BENCHMARKED)
endif

bench-agents: $(INSTALLED) ## Measure durable agents and graphs beside the plain frameworks (BACKEND=dapr or azure: on its servers)
	@.venv/bin/perdure bench run --backends $(or $(BACKEND),embedded) --suite agents

bench-smoke: $(INSTALLED) ## See that every benchmark suite works, with a little of each
	@.venv/bin/perdure bench run --smoke --native --backends embedded,dapr,azure

clean: ## Remove .venv, builds and caches (never your .perdure files)
	rm -rf .venv build dist src/*.egg-info plugins/*/src/*.egg-info plugins/*/build benchmarks/src/*.egg-info
	rm -rf tests/toy_backend/src/*.egg-info tests/toy_backend/build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find src tests examples benchmarks plugins scripts -name __pycache__ -type d -prune -exec rm -rf {} +
