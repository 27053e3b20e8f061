"""A control for masks: random blobs of exactly the same area."""

import numpy as np

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.resize import resize_to
from keras_explainer.metrics.map_arrays import as_maps


def random_mask_like(maps, seed=None, cells=8):
    """Returns smooth random maps with the values of the given maps.

    The values of each map are handed out anew, the largest to the highest point of
    smooth noise and so on. A random map thus has the same area at every threshold,
    and differs only in where it is.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.
        seed: int. Defaults to None: drawn, as `keras.utils.set_random_seed` has it.
        cells: int, at least 2. Cells of the noise along each side: more give
            smaller blobs.

    Returns:
        float32 array (N, H, W).

    Raises:
        ValueError: If `maps` has another shape or `cells` is below 2.

    Example:

    >>> maps = np.random.default_rng(0).uniform(size=(1, 16, 16))
    >>> control = random_mask_like(maps, seed=1)
    >>> bool((control >= 0.7).sum() == (maps >= 0.7).sum())
    True
    """
    maps = np.asarray(as_maps(maps, "maps"))
    if cells < 2:
        raise ValueError(f"Argument `cells` should be at least 2. Received: {cells}")
    count, height, width = maps.shape
    seed = drawn_seed(seed)
    noise = np.random.default_rng(seed).normal(size=(count, cells, cells, 1))
    noise = np.asarray(resize_to(noise.astype("float32"), (height, width)))
    noise = noise.reshape(count, -1)
    # Bilinear noise has ties where it is flat. Numbers of their own, since how many
    # there were before depends on the other images.
    noise = noise + 1e-6 * np.random.default_rng([seed, 1]).normal(size=noise.shape)
    control = np.empty_like(maps).reshape(count, -1)
    order = np.argsort(noise, axis=1)
    np.put_along_axis(control, order, np.sort(maps.reshape(count, -1), axis=1), axis=1)
    return control.reshape(maps.shape)
