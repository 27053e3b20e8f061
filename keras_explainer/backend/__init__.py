"""What Keras has no operation for, in the words of the backend that it runs on.

Each file has the same names; all else is written in `keras.ops` and knows no backend.
Only the file of the backend in use is imported.
"""

import importlib

import keras

__all__ = []

_backend = importlib.import_module(f"{__name__}.on_{keras.backend.backend()}")

# Graphs
SAVED_FUNCTIONS = _backend.SAVED_FUNCTIONS
compiled = _backend.compiled
compiled_by_shape = _backend.compiled_by_shape
compiled_for_classifier = _backend.compiled_for_classifier
inside_graph = _backend.inside_graph
is_symbolic = _backend.is_symbolic
is_tensor = _backend.is_tensor
is_variable = _backend.is_variable
known_shape = _backend.known_shape
opaque_operation = _backend.opaque_operation
outside_graph = _backend.outside_graph
with_batch_of = _backend.with_batch_of
with_shape = _backend.with_shape

# Slopes, and what is computed one after the other
HAS_SLOPES_INSIDE = _backend.HAS_SLOPES_INSIDE
after = _backend.after
each_in_turn = _backend.each_in_turn
of_rows_where = _backend.of_rows_where
slope_at = _backend.slope_at
slopes_inside = _backend.slopes_inside
value_and_slope = _backend.value_and_slope

# The step
CALLBACKS_MAY_LAG = _backend.CALLBACKS_MAY_LAG
GradientStep = _backend.GradientStep
LOST_WORKER = _backend.LOST_WORKER
STEP_ERRORS = _backend.STEP_ERRORS
compiles_steps = _backend.compiles_steps
counts = _backend.counts
steps_state = _backend.steps_state
with_known_shape = _backend.with_known_shape

# Data
dataset_of = _backend.dataset_of

# The devices and processes that share a step
at_least_one = _backend.at_least_one
device_scope = _backend.device_scope
in_several_processes = _backend.in_several_processes
of_first_worker = _backend.of_first_worker
share_of_mean = _backend.share_of_mean
sum_of_all = _backend.sum_of_all

# Sizes that a graph knows when it runs
resize_to_open_size = _backend.resize_to_open_size

# Ranks
WIDE_FLOAT = _backend.WIDE_FLOAT
searchsorted = _backend.searchsorted
stable_argsort = _backend.stable_argsort

# Draws that depend on a seed alone
normal = _backend.normal
normal_per_image = _backend.normal_per_image
step_number = _backend.step_number
uniform = _backend.uniform
uniform_per_image = _backend.uniform_per_image
