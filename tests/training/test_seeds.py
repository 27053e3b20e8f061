"""One seed decides all that is drawn; validation draws nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import rows
from conftest import tiny_classifier
from explainer_kinds import KINDS
from explainer_kinds import OTHERS
from explainer_kinds import every_kind
from explainer_kinds import graded

import keras_explainer as kx
from keras_explainer import attribution
from keras_explainer import metrics

pytestmark = pytest.mark.usefixtures("eager")
IMAGES = random_images(8, size=16)


def trained(explainer, weights, seed, steps=1):
    """Trains from the same weights on the same batches; only draws may differ."""
    explainer.compile(keras.optimizers.SGD(0.5))
    explainer.set_weights(weights)
    keras.utils.set_random_seed(seed)
    data = tf.data.Dataset.from_tensors((IMAGES, rows()))
    explainer.fit(data.repeat(steps), verbose=0)
    return np.concatenate([w.ravel() for w in explainer.get_weights()])


# All but one draw something, from which a step of training learns.
@pytest.mark.slow
@pytest.mark.parametrize(
    "make", graded(("explainer",), slow=KINDS[1:-1], thorough=OTHERS)
)
def test_steps_draw_by_the_one_seed(make):
    classifier = tiny_classifier(activation="sigmoid", size=16)
    explainer = make(classifier, background=0.0)
    weights = explainer.get_weights()
    first, again, other = (trained(explainer, weights, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.slow
def test_a_training_goes_on_with_its_own_seed_from_a_file(tmp_path):
    classifier = tiny_classifier(activation="sigmoid", size=16)
    explainer = kx.ExplainerModel(classifier, background=0.0)
    weights = explainer.get_weights()
    trained(explainer, weights, seed=5)
    explainer.save(tmp_path / "explainer.keras")
    explainer.save_weights(tmp_path / "explainer.weights.h5")
    keras.utils.set_random_seed(99)
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    resumed = kx.ExplainerModel(classifier, background=0.0)
    resumed.compile(keras.optimizers.SGD(0.5))
    resumed.load_weights(tmp_path / "explainer.weights.h5")
    for each in (loaded, resumed):
        each.fit(IMAGES, rows(), shuffle=False, verbose=0)
    whole = trained(explainer, weights, seed=5, steps=2)
    for each in (loaded, resumed):
        found = np.concatenate([w.ravel() for w in each.get_weights()])
        np.testing.assert_allclose(found, whole, atol=1e-6)


def test_steps_differ_and_so_do_seeds_of_a_step():
    seed = kx.ExplainerModel(tiny_classifier(size=16)).step_seed
    numbers = []
    for state in (0, 1, 2**31 - 1):
        seed.generator.state.assign([state, 0])
        numbers += [int(seed.of_step(step)) for step in (0, 1, 2**31 - 1)]
    assert len(set(numbers)) == 9 and min(numbers) == 0


def test_files_without_a_seed_draw_as_they_did(tmp_path):
    seed = kx.ExplainerModel(tiny_classifier(size=16)).step_seed
    seed.generator.state.assign([7, 0])
    seed.load_own_variables({})
    assert int(seed.of_step(3)) == 3


@pytest.mark.slow
@every_kind
def test_validation_depends_on_the_weights_and_the_images_alone(make):
    """Not on the step, the seed, an image's place, or the images beside it."""
    classifier = tiny_classifier(activation="sigmoid", size=16)
    explainer = make(classifier, background=0.0)
    # One image has a far wider range than the others.
    images = IMAGES * np.float32([1, 1, 1, 40, 1, 1, 1, 1])[:, None, None, None]
    labels = rows()

    def terms(order):
        read = explainer.frozen(images[order])
        values, _ = explainer.step_terms(images[order], read, labels[order], False)
        return {name: np.asarray(value) for name, value in values.items()}

    together = terms(np.arange(8))
    explainer.optimizer.iterations.assign(77)
    explainer.step_seed.draw(explainer)
    turned = terms(np.arange(8)[::-1])
    for name, values in together.items():
        np.testing.assert_allclose(
            values, turned[name][::-1], rtol=1e-4, atol=1e-5, err_msg=name
        )
    for number in (1, 3):
        for name, value in terms([number]).items():
            np.testing.assert_allclose(
                value, together[name][[number]], rtol=1e-4, atol=1e-5, err_msg=name
            )
    first, second = (
        explainer.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
        for _ in range(2)
    )
    assert first == second


MAPS = np.random.default_rng(0).uniform(size=(4, 16, 16)).astype("float32")
KEEP = MAPS > 0.5


def explained(method, **options):
    return lambda classifier: method(classifier, **options).explain(IMAGES[:2], 1)


# What has a `seed` draws by Keras' own where it is not given.
DRAWN = {
    "RISE": explained(attribution.RISE, num_masks=8, cells=3),
    "SmoothGrad": explained(attribution.SmoothGrad, samples=2),
    "IGOSPlusPlus": lambda classifier: attribution.IGOSPlusPlus(classifier).seed,
    "random_mask_like": lambda classifier: metrics.random_mask_like(MAPS),
    "linear_imputation": lambda classifier: metrics.linear_imputation(IMAGES[:4], KEEP),
    "road": lambda classifier: metrics.road(
        classifier, IMAGES[:2], MAPS[:2], shares=[0.5]
    )["score"],
    "label_encoding": lambda classifier: (
        [
            metrics.label_encoding(classifier, IMAGES[:4], MAPS, [0, 1, 2, 0])[name]
            for name in ("random", "mask_only")
        ]
    ),
    "model_randomization": lambda classifier: metrics.model_randomization(
        classifier,
        lambda model: lambda images, targets: model(images).numpy()[:, :, None],
        IMAGES[:4],
        0,
        stages=2,
    )["spearman"],
}


def test_all_that_takes_a_seed_is_here():
    public = {**vars(attribution), **vars(metrics)}
    seeded = {name for name, it in public.items() if takes_a_seed(it)}
    assert seeded == set(DRAWN)


def takes_a_seed(value):
    code = getattr(getattr(value, "__init__", None), "__code__", None)
    code = getattr(value, "__code__", code)
    return code is not None and "seed" in code.co_varnames[: code.co_argcount + 99]


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_methods_and_controls_draw_by_the_one_seed(name):
    classifier = tiny_classifier(size=16)
    found = []
    for seed in (1, 1, 2, 3):
        keras.utils.set_random_seed(seed)
        found.append(np.asarray(DRAWN[name](classifier)))
    np.testing.assert_array_equal(found[0], found[1])
    assert any((np.nan_to_num(found[0]) != np.nan_to_num(o)).any() for o in found[2:])
