"""Pictures of noise, and files of them that are unlike most."""

import numpy as np
from PIL import Image


def picture(height=40, width=60, seed=0):
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return Image.fromarray(levels.astype("uint8"))


def save_odd_pictures(folder):
    """Saves a grey, a transparent, a turned and a broken picture."""
    picture().convert("L").save(folder / "grey.png")
    picture(20, 200).convert("RGBA").save(folder / "a [1].webp")
    sideways = Image.Exif()
    sideways[0x0112] = 6
    picture(40, 60).save(folder / "turned.jpg", exif=sideways)
    (folder / "broken.jpg").write_bytes(b"no picture")
