"""Explains a small classifier of drawn shapes: the five lines of the README, whole.

python examples/quickstart.py
"""

import keras

import keras_explainer as kx

classifier = keras.saving.load_model("saved_models/shapes_classifier.keras")
explainer = kx.ExplainerModel(classifier, class_names=kx.datasets.SHAPES_CLASSES)

pictures = kx.datasets.shapes(
    image_size=128, batch_size=32, preprocess_input=explainer.preprocessing
)
explainer.fit(pictures, epochs=2, steps_per_epoch=40)

images, _ = next(iter(pictures))
explanation = explainer.explain(images[:6], top_k=3)
figure = kx.visualization.gallery(
    explainer.preprocessing.restore(images[:6]),
    explanation,
    class_names=explainer.class_names,
)
kx.visualization.save_figure(figure, "runs/quickstart.png")
explainer.save("runs/quickstart.keras")
print("See runs/quickstart.png")
