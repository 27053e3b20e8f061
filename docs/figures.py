"""Draws the figures of the documentation, out of the explainers that come with it.

python docs/figures.py [NAME...]    photographs, shapes, methods or trained

Without a name it draws all of them.
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import photograph_figures
import trained_figures
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.patches import FancyBboxPatch
from matplotlib.patches import Polygon

import keras_explainer as kx
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width

ROOT = pathlib.Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
SEED = 4_000_000  # held out by the demo
GREY = 128
INK, FAINT = "#24292F", "#57606A"
FROZEN, TRAINED = "#E3EDF7", "#FFF0D6"
BLUE, ORANGE = "#0072B2", "#D55E00"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *FIGURES_BY_NAME])
    for name in parser.parse_args().names or FIGURES_BY_NAME:
        FIGURES_BY_NAME[name]()


def draw_shapes():
    """Three pictures of shapes, and how an explainer works."""
    explainer = keras.saving.load_model(ROOT / "saved_models/shapes_explainer.keras")
    pictures, labels = pictures_of_three(explainer, 3)
    draw_explained(explainer, pictures, labels)
    draw_how_it_works(explainer, pictures[0], labels[0])


def pictures_of_three(explainer, count):
    """Returns the first held-out pictures with three answers, and these."""
    pictures, _ = next(iter(kx.datasets.shapes(64, batch_size=64, seed=SEED)))
    answers = answers_to(explainer, pictures.numpy()) >= 0.5
    chosen = np.flatnonzero(answers.sum(axis=1) == 3)[:count]
    return pictures.numpy()[chosen], np.nonzero(answers[chosen])[1].reshape(-1, 3)


def answers_to(explainer, pictures):
    """Returns the classifier's probabilities (N, C) for RGB pictures."""
    images = explainer.preprocessing(pictures)
    return explainer.predict(images, verbose=0)["probabilities"]


def explained(explainer, pictures, classes):
    """Returns masks (N, H, W, k) of classes (N, k), and pictures kept and removed."""
    rows = np.zeros((len(classes), explainer.frozen.num_classes), "float32")
    np.put_along_axis(rows, classes, 1, axis=1)
    images = explainer.preprocessing(pictures)
    masks = explainer.explain(images, targets=rows).masks
    merged = masks.max(axis=-1, keepdims=True)
    kept = merged * pictures + (1 - merged) * GREY
    rest = explainer.removed_part(images, 1.0 - merged[..., 0])
    return masks, kept, explainer.preprocessing.restore(np.asarray(rest))


def draw_explained(explainer, pictures, labels):
    """What it does: a mask for each class, and what the classifier says behind it."""
    masks, kept, removed = explained(explainer, pictures, labels)
    names = explainer.display_names
    width = panel_width(6)

    def panel(picture, classes):
        said = answers_to(explainer, picture[None])[0]
        caption = ", ".join(f"{names[c]} {said[c]:.2f}" for c in classes)
        return Panel(fit(picture.astype("uint8"), width), caption)

    rows = []
    for n, classes in enumerate(labels):
        row = [panel(pictures[n], classes)]
        for k, c in enumerate(classes):
            picture = fit(pictures[n].astype("uint8"), width)
            color = kx.visualization.class_color(c)
            mask = kx.visualization.overlay(picture, masks[n, ..., k], color)
            row.append(Panel(mask, names[c], color=color))
        row += [panel(kept[n], classes), panel(removed[n], classes)]
        rows.append(row)
    heads = [
        "the classifier says",
        "because of this",
        "",
        "",
        "only this",
        "without it",
    ]
    FIGURES.mkdir(exist_ok=True)
    canvas = panel_figure(rows, width, heads).canvas
    canvas.print_jpg(FIGURES / "explained.jpg", pil_kwargs={"quality": 90})


def draw_how_it_works(explainer, picture, classes):
    """How it does it: the forward pass above, what only training needs below."""
    masks, kept, removed = (
        p[0] for p in explained(explainer, picture[None], classes[None])
    )
    names = explainer.display_names
    figure = Figure((12.6, 6.3), dpi=130, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 126), ylim=(0, 63))
    axes.set_axis_off()

    def text(x, y, words, size=10, color=INK, **options):
        options = {"ha": "center", "va": "center", "linespacing": 1.35, **options}
        axes.text(x, y, words, fontsize=size, color=color, **options)

    def thumb(x, y, pixels, side=13, color=INK):
        """Shows a picture around (x, y)."""
        half = side / 2
        box = (x - half, x + half, y - half, y + half)
        axes.imshow(np.uint8(pixels), extent=box, aspect="auto", zorder=3)
        frame = [(box[i], box[j]) for i, j in ((0, 2), (1, 2), (1, 3), (0, 3))]
        axes.add_patch(Polygon(frame, fill=False, color=color, lw=1.2, zorder=4))

    def box(x, y, width, height, color, words, size=10):
        shape = FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1.2",
            facecolor=color,
            edgecolor=INK,
            linewidth=1.1,
            zorder=2,
        )
        axes.add_patch(shape)
        text(x, y, words, size, zorder=5)

    def arrow(*points, color=INK):
        """Leads along points, with a head at the last one."""
        *way, last = points
        axes.plot(*zip(*way), color=color, lw=1.6, zorder=1, solid_joinstyle="round")
        head = FancyArrowPatch(
            way[-1],
            last,
            arrowstyle="-|>",
            mutation_scale=13,
            color=color,
            lw=1.6,
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
        axes.add_patch(head)

    # The forward pass.
    text(2, 60.5, "explain: one forward pass", 12, ha="left", weight="bold")
    thumb(9.5, 49.5, picture)
    arrow((16, 49.5), (21.5, 49.5))
    tower(axes, 22, 49.5)
    text(37, 58.3, "the classifier, frozen", 10)
    arrow((52, 49.5), (58.5, 49.5))
    said = answers_to(explainer, picture[None])[0]
    words = "\n".join(f"{names[c]}  {said[c]:.2f}" for c in classes)
    box(66, 49.5, 14.5, 10, "white", words)
    text(66, 58.3, "its answer", 10)

    for x in (28.5, 37, 45.5):
        arrow((x, 43.5), (x, 38.2), color=FAINT)
    text(19.5, 39.8, "feature maps,\nits own evidence", 8.5, FAINT)
    box(
        37,
        33.2,
        30,
        9.5,
        TRAINED,
        "mask decoder, trained\nattention from fine to coarse",
    )
    arrow((52, 33.2), (58.5, 33.2))
    box(66, 33.2, 14.5, 9.5, TRAINED, "along the\nedges of the\nimage", 9)
    arrow((73.3, 33.2), (79, 33.2))
    for k, (x, c) in enumerate(zip((86.5, 101.5, 116.5), classes)):
        color = kx.visualization.class_color(c)
        thumb(
            x, 35.2, kx.visualization.overlay(picture, masks[..., k], color), 13, color
        )
        text(x, 43.5, names[c], 9.5)
    text(101.5, 47.6, "a mask for every class", 12, weight="bold")

    # Training.
    axes.plot((2, 124), (25.6, 25.6), color="#D0D7DE", lw=1.2, ls=(0, (5, 4)))
    text(2, 23, "fit: what only training needs", 12, ha="left", weight="bold")
    arrow((101.5, 28.5), (101.5, 25.6), (101.5, 22.6))
    for x, pixels, caption in (
        (94, kept, "what the mask keeps"),
        (109, removed, "the rest"),
    ):
        thumb(x, 13.8, pixels)
        text(x, 5.2, caption, 9.5)
    box(66, 13.8, 19, 10, FROZEN, "the classifier, frozen,\njudges both", 10)
    arrow((87, 13.8), (75.8, 13.8))
    arrow((56.3, 13.8), (50.5, 13.8))
    goals = (
        ("keep the answer", "from what the mask keeps"),
        ("lose its evidence", "in the rest"),
        ("stay small and smooth", "the masks"),
    )
    for y, (goal, where) in zip((18.8, 13.8, 8.8), goals):
        text(46, y, goal, 10, ha="right", weight="bold")
        text(25, y, where, 9.5, FAINT, ha="right")
    arrow((46, 21.2), (46, 28.2), color=ORANGE)
    text(47.3, 27, "gradient, to the decoder alone", 8.5, ORANGE, ha="left")
    figure.savefig(FIGURES / "how_it_works.png")


def tower(axes, left, middle):
    """Draws the classifier as maps that grow smaller."""
    for n, height in enumerate((14, 11.5, 9, 6.5, 4.5)):
        x = left + 6 * n
        corners = [
            (x, middle - height / 2),
            (x + 5, middle - height / 2 + 0.9),
            (x + 5, middle + height / 2 - 0.9),
            (x, middle + height / 2),
        ]
        axes.add_patch(
            Polygon(corners, facecolor=FROZEN, edgecolor=INK, lw=1.1, zorder=2)
        )


FIGURES_BY_NAME = {
    "photographs": photograph_figures.draw_photographs,
    "shapes": draw_shapes,
    "methods": photograph_figures.draw_methods,
    "trained": trained_figures.draw_trained,
}


if __name__ == "__main__":
    main()
