"""Evaluating on the screen: one line for the method that is being measured."""

from keras_explainer.command_line.console import count_bar
from keras_explainer.evaluation.method_rows import METHOD_ROWS


class EvaluationProgress:
    """Shows how many images of which method were measured, without scrolling.

    To be used in a `with` block, which leaves the terminal in order.

    Args:
        methods: List of names out of `METHOD_ROWS`.
        count: int. Images for each method.
        slow_count: int. Images for the slow methods.
    """

    def __init__(self, methods, count, slow_count):
        self.methods = list(methods)
        self.counts = {
            name: slow_count if METHOD_ROWS[name].is_slow else count for name in methods
        }
        self.bar = count_bar()
        self.task = None

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *error):
        self.bar.stop()

    def update(self, name, images):
        """Shows that `images` images of a method were measured."""
        number = self.methods.index(name) + 1
        label = f"{METHOD_ROWS[name].label} ({number}/{len(self.methods)})"
        if self.task is None or self.bar.tasks[0].description != label:
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.task = self.bar.add_task(label, total=self.counts[name])
        self.bar.update(self.task, completed=images)
