"""Explaining a few of very many classes: all masks are never there at once."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import every_kind

CLASSES, SIZE = 2003, 32


def largest_tensor(concrete):
    """Returns the most numbers that a tensor of a graph has, of one image."""
    graph = concrete.graph.as_graph_def(add_shapes=True)
    bodies = [function.node_def for function in graph.library.function]
    sizes = [
        np.prod([size.size for size in shape.dim if size.size > 0])
        for body in (graph.node, *bodies)
        for node in body
        for shape in node.attr["_output_shapes"].list.shape
    ]
    return max(sizes)


@pytest.mark.slow
@every_kind
def test_explain_computes_the_masks_asked_for_and_no_others(make):
    explainer = make(tiny_classifier(classes=CLASSES))
    images = tf.constant(random_images(1, SIZE))

    def graph_of(function):
        return tf.function(function).get_concrete_function(images)

    few = largest_tensor(graph_of(lambda x: explainer._explain_batch(x, (), None, 3)))
    everything = largest_tensor(graph_of(lambda x: explainer(x)["coarse_masks"]))
    grid = np.prod(explainer.output["coarse_masks"].shape[1:3])
    assert everything >= grid * CLASSES  # The measure sees all masks where they are.
    # Weights, and the evidence at the coarsest cells, are all that has every class.
    assert few < SIZE**2 * CLASSES / 8
    explanation = explainer.explain(random_images(2, SIZE), top_k=3)
    assert explanation.masks.shape == (2, SIZE, SIZE, 3)
    assert explanation.probabilities.shape == (2, CLASSES)
