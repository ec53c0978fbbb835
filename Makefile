# make demo, make test: all the set-up on a fresh machine is part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# PyTorch comes with gigabytes: a download that breaks off is resumed, and what failed is asked for again a while later.
export PIP_RETRIES ?= 10
export PIP_RESUME_RETRIES ?= 50
INSTALL_WAITS := 0 20 60 120 240

.PHONY: demo test lint browser clean

demo: $(READY)
	$(BIN)/crossmodal demo --output demo

test: $(READY) lint browser
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tests that drive the page need a Chromium; without one they are skipped, and say so.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -q update && apt-get -q -y install chromium; } || \
	  echo "No Chromium, and none could be installed: the tests of the page are skipped." >&2

$(READY): pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'crossmodal needs Python 3.11 or newer: make PYTHON=/path/to/python3.11')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -f $(READY)
	for wait in $(INSTALL_WAITS); do \
	  sleep $$wait; \
	  $(BIN)/python -m pip install --quiet --upgrade pip && \
	  $(BIN)/python -m pip install --quiet --editable ".[dev]" && touch $(READY) && break; \
	  echo "The installation did not succeed; it is tried up to $(words $(INSTALL_WAITS)) times." >&2; \
	done
	test -e $(READY)

clean:
	rm -rf $(VENV) demo build *.egg-info
