PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Faces to train on (see README) and base weights; BASE may stay empty where Keras can download ImageNet's.
DATA ?= data/real-vs-fake
BASE ?=
ORIGIN ?= the pictures in its training folder

.PHONY: run test quick lint train

run: $(VENV)/run
	$(BIN)/python app.py

test: $(VENV)/test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# What needs neither training nor a browser: in under two minutes on two cores.
quick: $(VENV)/test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser"

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find deepley -name '*.pyi' -delete  # Gradio writes them when it runs, and mypy would read them
	$(BIN)/mypy

train: $(VENV)/run
	$(BIN)/python -m deepley train --data "$(DATA)" --preset deck $(if $(BASE),--base "$(BASE)") --out runs/deck --resume
	$(BIN)/python -m deepley train --data "$(DATA)" --preset deepley $(if $(BASE),--base "$(BASE)") --out runs/deepley-resnet50 \
	  --origin "$(ORIGIN)" --resume
	cp runs/deck/history.csv runs/deepley-resnet50/release/history-deck.csv

# uv is quicker; pip knows of indexes that uv may not.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --no-cache --python $(BIN)/python $(1) \
	  || $(BIN)/pip install --quiet --disable-pip-version-check $(1)
endef

$(VENV)/run: requirements.txt pyproject.toml
	$(call install,-r requirements.txt --editable .)
	touch $@

$(VENV)/test: $(VENV)/run requirements-dev.txt requirements-ray.txt
	$(call install,-r requirements-dev.txt)
	command -v chromium > /dev/null || (apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium) \
	  || echo "Install Chromium by hand: the browser tests need it." >&2
	touch $@
