"""What Keras has no operation for, in the words of the backend that it runs on.

The files of the three backends have the same names; all else is written in `keras.ops`
and knows no backend. Only those of the backend in use are imported.
"""

import importlib

import keras

__all__ = []

_name = keras.backend.backend()
_backend = importlib.import_module(f"{__name__}.on_{_name}")
_draws = importlib.import_module(f"{__name__}.draws_on_{_name}")
_steps = importlib.import_module(f"{__name__}.steps_on_{_name}")

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
without_slopes = _backend.without_slopes

# The step
CALLBACKS_MAY_LAG = _steps.CALLBACKS_MAY_LAG
GradientStep = _steps.GradientStep
LOST_WORKER = _steps.LOST_WORKER
STEP_ERRORS = _steps.STEP_ERRORS
compiles_steps = _steps.compiles_steps
counts = _steps.counts
steps_state = _steps.steps_state
with_known_shape = _steps.with_known_shape

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
normal = _draws.normal
normal_per_image = _draws.normal_per_image
step_number = _draws.step_number
uniform = _draws.uniform
uniform_per_image = _draws.uniform_per_image
