"""How the images of a data set are brought to what an explainer takes."""

from keras_explainer.command_line.command_error import UsageError


def image_options(args, explainer):
    """Returns the options of loaders that suit an explainer.

    Args:
        args: Namespace with `image_size` and `batch_size`.
        explainer: The explainer, which knows size and preprocessing.

    Returns:
        Dict with `image_size`, `batch_size` and `preprocess_input`.

    Raises:
        UsageError: If another size is asked for than the classifier takes.
    """
    preprocessing = explainer.preprocessing
    is_plain = (
        preprocessing.name == "identity" and explainer.frozen.input_shape[-1] == 3
    )
    return {
        "image_size": _image_size(args.image_size, explainer),
        "batch_size": args.batch_size,
        "preprocess_input": None if is_plain else preprocessing,
    }


def _image_size(asked, explainer):
    fixed = explainer.frozen.input_shape[:2]
    if None in fixed:
        return (asked, asked) if asked else explainer.frozen.image_shape[:2]
    if asked and fixed != (asked, asked):
        raise UsageError(
            f"Argument --image-size should be left out, since the classifier takes "
            f"{fixed[0]}x{fixed[1]} pixels. Received: {asked}"
        )
    return fixed
