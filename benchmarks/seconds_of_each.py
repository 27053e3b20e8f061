"""What calls take on a machine that may be doing other things too."""

import statistics
import time


def seconds_of_each(functions, repeats):
    """Returns the median time of a call of each, after two calls of each to warm up.

    They take turns, so that whatever else the machine does slows all of them alike.
    """
    for function in 2 * functions:
        function()
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, of_function in zip(functions, times):
            start = time.perf_counter()
            function()
            of_function.append(time.perf_counter() - start)
    return [statistics.median(of_function) for of_function in times]
