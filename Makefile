PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
# One process of tests per core; idle ones take tests from busy ones.
SPREAD := --numprocesses auto --dist worksteal

# What an older version is most likely to break, in two minutes.
CORE := tests/test_keras_internals.py tests/packaging tests/test_saved_models.py \
	tests/losses tests/layers tests/metrics tests/training/test_step_by_hand.py \
	tests/datasets/test_from_tfds.py tests/visualization/test_picture_figures.py

.PHONY: install demo docs notebooks lint test test-fast test-all test-docs test-hub \
	test-oldest test-oldest-core test-backends test-backends-core test-colab test-wheel \
	bench clean

install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg setup.py pyproject.toml
	test -x $(RUN) || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

demo: install
	$(RUN) -m keras_explainer demo --force

docs: install
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	$(RUN) docs/try_page.py
	@echo "See build/docs/index.html"

# The site as it was built: all names are there, nothing is fetched, Chromium shows it.
test-docs: docs
	SITE=build/docs $(RUN) -m pytest tests/test_site.py

notebooks: install
	$(RUN) docs/notebooks.py

lint: install
	$(RUN) -m ruff check .

test: lint
	$(RUN) -m pytest $(SPREAD) -m "not thorough"

test-fast: install
	$(RUN) -m pytest $(SPREAD) -m "not slow and not thorough"

test-all: lint
	$(RUN) -m pytest $(SPREAD)

# Every image classifier of KerasHub, which comes with TensorFlow Text.
test-hub: install
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[hub]"
	$(RUN) -m pytest $(SPREAD) tests/classifiers/test_keras_hub.py

# The oldest versions that setup.cfg promises.
test-oldest: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest $(SPREAD) -m "not slow and not thorough"

test-oldest-core: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest $(SPREAD) -m "not slow and not thorough" $(CORE)

.venv-oldest/.installed: setup.cfg constraints/oldest.txt
	test -x .venv-oldest/bin/python || $$(.ci/find_python 3.10 3.11) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
		-c constraints/oldest.txt -e ".[dev]"
	touch $@

# JAX and PyTorch beside TensorFlow, whose answers theirs are compared with.
test-backends: install .backends/jax .backends/torch
	PYTHONPATH=.backends/jax:.backends/torch $(RUN) -m pytest tests/backends

# JAX alone, the quick ones.
test-backends-core: install .backends/jax
	PYTHONPATH=.backends/jax $(RUN) -m pytest -m "not slow and not thorough" tests/backends

# What else JAX needs comes with TensorFlow; PyTorch brings its own.
.backends/jax: PACKAGES := --no-deps jax jaxlib
.backends/torch: PACKAGES := torch
.backends/jax .backends/torch: | install
	rm -rf $@.partial
	$(RUN) -m pip install --quiet --disable-pip-version-check --target $@.partial $(PACKAGES)
	mv $@.partial $@

# With Colab's versions: the notebooks, installed by their first cells, and quick tests.
test-colab: .venv-colab/.installed
	AS_ON_COLAB=1 .venv-colab/bin/python -m pytest tests/examples/test_notebooks.py \
		-k as_on_colab --durations 6
	PYTHONPATH=. .venv-colab/bin/python -m pytest $(SPREAD) -m "not slow and not thorough"

.venv-colab/.installed: constraints/colab.txt
	rm -rf .venv-colab
	$$(.ci/find_python 3.12) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check \
		-r constraints/colab.txt
	touch $@

# The wheel in an environment that has nothing else, with what it asks for.
test-wheel: install
	BARE_INSTALL=1 $(RUN) -m pytest tests/packaging/test_wheel.py

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
	test ! -d ../shared/data || $(RUN) benchmarks/imagenet_quality.py
	test ! -d ../shared/data || $(RUN) benchmarks/voc_quality.py --ceiling
	test ! -d ../shared/data || for script in faithfulness class_discrimination \
		masks_by_answer objective_of_outlines; do $(RUN) benchmarks/$$script.py \
		--explainer runs/voc_quality/explainer.keras || exit 1; done

clean:
	rm -rf $(VENV) .venv-oldest .venv-colab .backends build *.egg-info runs
