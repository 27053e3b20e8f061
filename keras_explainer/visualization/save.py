from pathlib import Path

from PIL import Image

from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.visualization.pixels import as_array
from keras_explainer.visualization.pixels import as_image
from keras_explainer.visualization.pixels import as_mask
from keras_explainer.visualization.pixels import to_uint8


def save_figure(figure, path):
    """Writes a figure as PNG, whole or not at all.

    Args:
        figure: matplotlib Figure, such as `gallery` returns.
        path: String or path ending in ".png"; missing folders are made.

    Raises:
        ValueError: `path` does not end in ".png".

    Example:

    ```python
    kx.visualization.save_figure(figure, "pictures/gallery.png")
    ```
    """
    # Not `savefig`: the user's matplotlib settings would change size and ground.
    _write_whole(path, figure.canvas.print_png)


def save_image(array, path):
    """Writes a picture, or a mask in 8 bits of grey, as PNG, whole or not at all.

    Args:
        array: uint8 array (H, W, 3), a picture; or array (H, W) or (H, W, 1), float in
            [0, 1] or bool, a mask.
        path: String or path ending in ".png"; missing folders are made.

    Raises:
        ValueError: `array` is neither, or `path` does not end in ".png".

    Example:

    ```python
    kx.visualization.save_image(explanation.target_mask[0], "mask.png")
    ```
    """
    array = as_array(array, "array")
    is_picture = array.ndim == 3 and array.shape[-1] == 3
    pixels = as_image(array, "array") if is_picture else 255 * as_mask(array, "array")
    image = Image.fromarray(to_uint8(pixels))
    _write_whole(path, lambda file: image.save(file, format="PNG"))


def _write_whole(path, write):
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(
            f'Argument `path` should end in ".png". Received: path={str(path)!r}'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        write(file)
