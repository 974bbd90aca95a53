# Every target sets up what it needs; `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Meant for another interpreter than the one in $(VENV).
unexport PYTHONHOME PYTHONPATH PYTHONOPTIMIZE PYTHONWARNINGS

PYTHON ?= python3
# Of a test run; 0 is one after the other.
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# In front of what downloads: it trusts what the system trusts, and says so when that was the trouble.
TRUSTING := $(BIN)/python -m ecom_platform.runtime.trust
WEB_BROWSER := ecom_platform_tests/web_browser
# Modules are handed out whole, the longest first.
SHARED_OUT = -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
JAR_LOCKS := $(wildcard ecom_platform/runtime/locks/*.lock)
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet
SOURCES := ecom_platform ecom_platform_tests dashboard benchmarks docker docs/screenshots.py docs/settings_table.py setup.py

.PHONY: help setup browser demo test test-unit test-full test-clusters test-bare screenshots lint types lock clean check-machine

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name text; do
		printf '  make %-11s %s\n' "$$name" "$$text"
	done

setup: $(STAMP) ## Install everything into .venv (about 2 minutes the first time, nothing when it is up to date)

browser: $(STAMP) ## Fetch a browser for the tests where no Chromium or Chrome is installed (70 MB, into ~/.cache)
	@$(BIN)/python -m ecom_platform_tests.web_browser.fetch

demo: $(STAMP) ## Start everything live; ARGS="--for 60 --no-browser" passes flags on
	@exec $(BIN)/ecom demo $(ARGS)

test: browser ## Every test of the normal run, real servers included
	@$(BIN)/python -m pytest $(SHARED_OUT) -m "not full" $(ARGS)

test-unit: $(STAMP) ## The tests that need no server: under a minute
	@$(BIN)/python -m pytest -n auto -m "not servers and not full and not browser" $(ARGS)

test-full: browser ## Every test, the long crash matrices included
	@$(BIN)/python -m pytest $(SHARED_OUT) -p ecom_platform_tests.evidence $(ARGS)

test-clusters: $(STAMP) ## Clusters of Kafka, MongoDB, HDFS and Spark, each with its faults under live orders
	@$(BIN)/python -m pytest -m clusters -p ecom_platform_tests.evidence $(ARGS)

test-bare: ## The README's two commands in fresh Debian trees; only root can; ARGS="--suite trixie --command demo"
	@$(PYTHON) -m ecom_platform_tests.bare $(ARGS)

screenshots: browser ## Take the pictures of docs/dashboard.md from the running demo (another terminal has it)
	@$(BIN)/python -m docs.screenshots $(ARGS)

lint: $(STAMP) ## Style, import order of the rooms, formatting
	@$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports

types: $(STAMP) ## Strict type check of the package
	@$(BIN)/mypy

lock: $(STAMP) ## Resolve again: requirements.lock and the jar locks (hashes only, no address of any registry)
	@$(COMPILE) setup.py --extra deploy --extra dev --output-file requirements.lock
	# The image has the same versions and no tools of developers.
	$(COMPILE) setup.py --extra deploy --constraint requirements.lock --output-file docker/requirements.lock
	$(COMPILE) $(WEB_BROWSER)/requirements.txt --output-file $(WEB_BROWSER)/requirements.lock
	$(BIN)/python -m ecom_platform.runtime.jars lock
	$(BIN)/python -m ecom_platform_tests.web_browser.fetch lock

clean: ## Remove the environment and the caches of the tools; data in .ecom stays (see: ecom reset)
	@rm -rf $(VENV) build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The cheap questions first: that it cannot work here is said before minutes of downloads.
check-machine:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
		echo "ecom-platform needs Python 3.11 or newer; '$(PYTHON)' is $$({ $(PYTHON) --version || echo missing; } 2>/dev/null)." >&2
		echo "Install it (Debian, Ubuntu: apt install python3 python3-venv) or name one: make setup PYTHON=python3.12" >&2
		exit 3
	}
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || {
		echo "$(PYTHON) cannot make virtual environments. Debian, Ubuntu: apt install python3-venv" >&2
		exit 3
	}
	case "$$(uname -sm)" in \
	"Linux x86_64") ;; \
	"Darwin arm64") echo "On macOS nothing of this has been tried yet; it goes on." >&2 ;; \
	*) echo "ecom-platform runs its servers on Linux x86-64; this is $$(uname -sm)." >&2; exit 3 ;; \
	esac
	$(PYTHON) -m ecom_platform.runtime.machine

$(STAMP): setup.py requirements.lock docker/uv.txt $(JAR_LOCKS)
	@$(MAKE) --no-print-directory check-machine
	echo "Setting up $(VENV): Python packages, then jars (about 2 minutes the first time)."
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(TRUSTING) $(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes \
		--requirement docker/uv.txt
	export VIRTUAL_ENV=$(abspath $(VENV))
	$(TRUSTING) $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode --requirement requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m ecom_platform.runtime.jars fetch
	$(BIN)/python -m compileall -q ecom_platform
	touch $(STAMP)
	echo "Ready. Next: make demo"
