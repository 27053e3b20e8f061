"""What --loss sets: numbers of the objective, and of what a step draws."""

import inspect

from keras_explainer.command_line.command_error import UsageError

# Those of `ExplainerModel.compile`.
_DRAWS = ("composites", "crops", "augmentation", "single_label")


def compile_with(explainer, options):
    """Compiles an explainer with numbers other than its defaults.

    Args:
        explainer: The explainer.
        options: Dict from names to floats.

    Raises:
        UsageError: If it has no such option, or the option does not take the number.
    """
    of_loss, draws = _names(explainer.LOSS), _names(explainer.compile, _DRAWS)
    unknown = [name for name in options if name not in (*of_loss, *draws)]
    if unknown:
        raise UsageError(
            f"Argument --loss should set {', '.join([*of_loss, *draws])}. "
            f"Received: {unknown[0]}"
        )
    try:
        loss = explainer.LOSS(**{n: v for n, v in options.items() if n in of_loss})
        explainer.compile(loss=loss, **{n: v for n, v in options.items() if n in draws})
    except ValueError as error:
        raise UsageError(
            str(error).replace("Argument `", "Argument --loss `")
        ) from error


def _names(function, chosen=None):
    """Returns the parameters of a function that are numbers, or those chosen."""
    parameters = inspect.signature(function).parameters
    if chosen is not None:
        return [name for name in chosen if name in parameters]
    return [
        name
        for name, p in parameters.items()
        if type(p.default) in (int, float) or p.default == "auto"
    ]
