PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
# One process of tests per core; idle ones take tests from busy ones.
SPREAD := --numprocesses auto --dist worksteal

.PHONY: install demo docs notebooks test test-fast test-all bench lint clean

install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg pyproject.toml
	test -x $(RUN) || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

demo: install
	$(RUN) -m keras_explainer demo --force

docs: install
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	$(RUN) docs/build.py build/docs

notebooks: install
	$(RUN) docs/notebooks.py

test: install
	$(RUN) -m ruff check .
	$(RUN) -m pytest $(SPREAD) -m "not thorough"

test-fast: install
	$(RUN) -m pytest $(SPREAD) -m "not slow and not thorough"

test-all: install
	$(RUN) -m ruff check .
	$(RUN) -m pytest $(SPREAD)

bench: install demo
	$(RUN) benchmarks/upsampling.py --explainer runs/demo/explainer.keras
	$(RUN) benchmarks/step_cost.py
	$(RUN) benchmarks/serving_load.py
	$(RUN) benchmarks/bulk_speed.py
	$(RUN) benchmarks/insertion_deletion_speed.py
	$(RUN) benchmarks/attribution_cost.py
	$(RUN) benchmarks/data_speed.py
	$(RUN) benchmarks/cost_model.py
	$(RUN) benchmarks/long_run_memory.py
	test ! -d ../shared/data || $(RUN) benchmarks/imagenet_gallery.py
	test ! -d ../shared/data || $(RUN) benchmarks/voc_quality.py --ceiling
	test ! -d ../shared/data || $(RUN) benchmarks/faithfulness.py \
		--explainer runs/voc_quality/explainer.keras

clean:
	rm -rf $(VENV) build *.egg-info runs
