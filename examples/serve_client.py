"""Asks a model server which pixels made it say that, and draws the answer.

python examples/serve_client.py URL PICTURE [OUT]

URL is http://HOST:8501/v1/models/NAME or grpc://HOST:8500/v1/models/NAME; how to start
such a server is in examples/serving/docker-compose.yml.
"""

import argparse

import numpy as np
from PIL import Image
from PIL import ImageOps

import keras_explainer as kx


def main(url, picture, out):
    with kx.serving.Client(url) as client:
        explanation = client.explain(picture)
    names = [client.class_names[index] for index in explanation.classes[0]]
    for name, score in zip(names, explanation.scores[0]):
        print(f"{name}: {score:.3f}")
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    figure = kx.visualization.class_grid(
        np.asarray(image),
        explanation.masks[0],
        names,
        explanation.scores[0],
        classes=explanation.classes[0],
    )
    kx.visualization.save_figure(figure, out)
    print(f"See {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url", help="http://HOST:8501/v1/models/NAME, or grpc://...")
    parser.add_argument("picture")
    parser.add_argument("out", nargs="?", default="runs/served.png")
    try:
        main(**vars(parser.parse_args()))
    except (kx.serving.ServingError, ImportError, OSError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")
