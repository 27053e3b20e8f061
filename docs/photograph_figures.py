"""Figures of photographs, by the explainer of ImageNet's classes that is shipped."""

import pathlib
import time

import numpy as np
from PIL import Image

import keras_explainer as kx
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width

ROOT = pathlib.Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
OURS = FIGURES / "photographs"
SHIPPED = ROOT / "keras_explainer" / "photographs"
PHOTOGRAPHS = [
    OURS / "bison.jpg",
    OURS / "photographer.jpg",
    OURS / "crocodile.jpg",
    SHIPPED / "espresso.jpg",
    OURS / "red_panda.jpg",
]
COLOR = "#E69F00"


def read_square(path, size=224):
    """Returns the middle of a photograph, uint8 (size, size, 3)."""
    photograph = Image.open(path).convert("RGB")
    width, height = photograph.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = photograph.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))


def draw_photographs():
    """What each mask keeps, what is left, and what the classifier says of both."""
    explainer = kx.load("imagenet")
    pictures = np.stack([read_square(path) for path in PHOTOGRAPHS])
    images = explainer.preprocessing(pictures.astype("float32"))
    found = explainer.explain(images, top_k=1, verify=True)
    masks = found.masks[..., 0]
    parts = (
        explainer.kept_part(images, masks),
        explainer.removed_part(images, 1 - masks),
    )
    kept, removed = (explainer.preprocessing.restore(np.asarray(p)) for p in parts)
    width = panel_width(len(pictures))

    def row(shown, scores, names):
        return [
            Panel(fit(np.clip(p, 0, 255).astype("uint8"), width), name, float(score))
            for p, score, name in zip(shown, scores, names)
        ]

    names = [explainer.display_names[c].replace("_", " ") for c in found.classes[:, 0]]
    outlined = [
        kx.visualization.overlay(picture, mask, COLOR, opacity=0.35)
        for picture, mask in zip(pictures, masks)
    ]
    rows = [
        row(outlined, found.scores[:, 0], names),
        row(kept, found.kept_scores[:, 0], ["only this"] * len(names)),
        row(removed, found.removed_scores[:, 0], ["without it"] * len(names)),
    ]
    save(panel_figure(rows, width), "photographs.jpg")


def save(figure, name):
    figure.canvas.print_jpg(FIGURES / name, pil_kwargs={"quality": 88})


# Fewer steps than by default, so that the figure takes minutes.
METHODS = {
    "Grad-CAM": lambda *model: kx.attribution.GradCAM(*model),
    "Guided Backprop": lambda *model: kx.attribution.GuidedBackprop(*model),
    "Integrated Gradients": lambda *model: kx.attribution.IntegratedGradients(*model),
    "SmoothGrad": lambda *model: kx.attribution.SmoothGrad(*model, seed=0),
    "RISE": lambda *model: kx.attribution.RISE(*model, num_masks=2000, seed=0),
    "Extremal Perturbation": lambda *model: kx.attribution.ExtremalPerturbation(
        *model, areas=(0.1, 0.2, 0.3), steps=200
    ),
    "iGOS++": lambda *model: kx.attribution.IGOSPlusPlus(
        *model, iterations=8, steps=6, seed=0
    ),
}
COMPARED = [OURS / "bison.jpg", OURS / "photographer.jpg", OURS / "red_panda.jpg"]


def draw_methods():
    """One photograph behind the mask or map of every method, three times."""
    explainer = kx.load("imagenet")
    pictures = np.stack([read_square(path) for path in COMPARED])
    images = explainer.preprocessing(pictures.astype("float32"))
    found = explainer.explain(images, top_k=1)
    maps = {
        "Explainer, mask": found.masks[..., 0],
        "Explainer, relevance": found.relevance[..., 0],
        "Explainer, refined": explainer.explain(images, top_k=1, refine_steps=10).masks[
            ..., 0
        ],
    }
    targets = found.classes[:, 0]
    for name, build in METHODS.items():
        start = time.time()
        method = build(explainer.classifier, explainer.frozen.head)
        maps[name] = method.explain(images, targets=targets)
        print(f"{name}: {time.time() - start:.0f} s", flush=True)
    width = panel_width(6)
    rows = []
    for n, picture in enumerate(pictures):
        panels = [Panel(fit(picture, width), explainer.display_names[targets[n]])]
        for name, values in maps.items():
            panels.append(Panel(fit(behind(picture, values[n]), width), name))
        rows += [panels[:6], panels[6:]]
    save(panel_figure(rows, width), "methods.jpg")


def behind(picture, values):
    """Shows a photograph in grey, and over it a map in colours where it is high."""
    from matplotlib import colormaps

    values = np.asarray(values, "float32")
    values = values / max(np.quantile(values, 0.999), 1e-6)
    values = np.clip(values, 0, 1)[..., None]
    grey = picture.mean(axis=-1, keepdims=True) * 0.6 + 90
    colors = 255 * colormaps["inferno"](values[..., 0])[..., :3]
    return np.clip((1 - 0.75 * values) * grey + 0.75 * values * colors, 0, 255).astype(
        "uint8"
    )
