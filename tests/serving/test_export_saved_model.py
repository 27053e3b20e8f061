"""What an export writes, when it refuses, and the masks it answers with."""

import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier
from exported import NAMES
from exported import exported
from exported import file_of
from exported import photograph
from exported import preprocessed
from exported import raw_images
from exported import tiny_explainer
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

import keras_explainer as kx
from keras_explainer.serving import export_saved_model
from keras_explainer.serving.make_signatures import make_signatures
from keras_explainer.serving.warm_up import warm_up_requests
from keras_explainer.serving.warm_up import write_warm_up


@pytest.fixture(scope="module")
def signatures():
    return tf.saved_model.load(str(exported())).signatures


def ask(signature, **inputs):
    inputs = {name: tf.constant(values) for name, values in inputs.items()}
    return {name: value.numpy() for name, value in signature(**inputs).items()}


def test_signatures_have_the_names_shapes_and_types_of_the_documentation(signatures):
    def spec(fields):
        return {name: (tuple(s.shape), s.dtype.name) for name, s in fields.items()}

    images = {"images": ((None, 32, 32, 3), "float32")}
    explained = {
        "probabilities": ((None, 5), "float32"),
        "classes": ((None, 3), "int32"),
        "scores": ((None, 3), "float32"),
        "masks": ((None, 16, 16, 3), "float32"),
        "class_names": ((None, 3), "string"),
    }
    proof = dict.fromkeys(("kept_scores", "removed_scores"), explained["scores"])
    verified = {**explained, **proof}
    expected = {
        "serving_default": (images, explained),
        "explain_bytes": (
            {"image_bytes": ((None,), "string")},
            {**explained, "masks_png_bytes": ((None, 3), "string")},
        ),
        "explain_and_verify": (images, verified),
        "explain_bytes_and_verify": (
            {"image_bytes": ((None,), "string")},
            {**verified, "masks_png_bytes": ((None, 3), "string")},
        ),
        "explain_class": (
            {**images, "targets": ((None,), "int32")},
            {"masks": ((None, 16, 16), "float32")},
        ),
        "classify": (images, {"probabilities": ((None, 5), "float32")}),
    }
    found = {
        name: (spec(f.structured_input_signature[1]), spec(f.structured_outputs))
        for name, f in signatures.items()
    }
    assert found == expected


def test_nothing_in_the_graph_is_foreign_to_a_stock_server(signatures):
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((exported() / "saved_model.pb").read_bytes())
    graph = proto.meta_graphs[0].graph_def
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    operations = {node.op for node in nodes}
    assert {"DecodeJpeg", "EncodePng", "TopKV2"} <= operations
    assert not {op for op in operations if "PyFunc" in op or "Table" in op}
    assert all(
        definition.method_name == "tensorflow/serving/predict"
        for key, definition in proto.meta_graphs[0].signature_def.items()
        if not key.startswith("__")
    )


@pytest.mark.slow
def test_masks_at_the_images_size_are_those_of_explain():
    explainer, images = tiny_explainer(), raw_images()
    signatures = make_signatures(explainer, top_k=9, mask_size=32)
    answer = ask(signatures["serving_default"], images=images)
    expected = explainer.explain(preprocessed(images), top_k=5)
    assert answer["masks"].shape == (2, 32, 32, 5)
    assert np.ptp(expected.masks) > 0.5
    np.testing.assert_allclose(answer["masks"], expected.masks, atol=1e-4)
    names = [[name.decode() for name in row] for row in answer["class_names"]]
    assert names == [[NAMES[c] for c in row] for row in expected.classes]
    answer = ask(signatures["explain_class"], images=images, targets=np.int32([3, 1]))
    expected = explainer.explain(preprocessed(images), targets=[3, 1])
    np.testing.assert_allclose(answer["masks"], expected.masks[..., 0], atol=1e-4)


@pytest.mark.slow
def test_relevance_is_answered_if_asked_for():
    explainer, images = tiny_explainer(), raw_images()
    options = {"top_k": 2, "mask_size": 32, "threshold": 0.5, "relevance": True}
    signatures = make_signatures(explainer, **options)
    expected = explainer.explain(preprocessed(images), top_k=2)
    assert np.ptp(expected.relevance) > 0.5
    for name, signature in signatures.items():
        answers = set(signature.structured_outputs)
        assert ("relevance" in answers) == ("masks" in answers), name
    answer = ask(signatures["serving_default"], images=images)
    np.testing.assert_allclose(answer["relevance"], expected.relevance, atol=1e-4)
    targets = expected.classes[:, 1]
    one = ask(signatures["explain_class"], images=images, targets=targets)
    np.testing.assert_allclose(one["relevance"], expected.relevance[..., 1], atol=1e-4)
    with pytest.raises(ValueError, match="`relevance` should be True or False"):
        make_signatures(explainer, relevance=1)


@pytest.mark.slow
def test_a_file_is_explained_as_its_pixels_by_pillow(signatures):
    """To the tolerance of decoders: less than 2 % of pixels differ, by one level."""
    # In other pictures a level is enough to tip a cell of these masks, never trained.
    content = file_of(photograph(shift=2.25))
    with Image.open(io.BytesIO(content)) as image:
        pixels = image.resize((32, 32), Image.Resampling.BILINEAR)
    images = np.asarray(pixels, "float32")[None]
    expected = tiny_explainer().explain(preprocessed(images))
    grid = ask(signatures["serving_default"], images=images)["masks"]
    answer = ask(signatures["explain_bytes"], image_bytes=[content])
    assert answer["classes"].tolist() == expected.classes.tolist()
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-3)
    np.testing.assert_allclose(answer["masks"], grid, atol=0.02)
    assert np.abs(answer["masks"] - grid).mean() < 1e-3


def test_mask_files_have_the_size_of_each_picture(signatures):
    pictures = [photograph(60, 90), photograph(20, 10, shift=1.0)]
    files = [file_of(picture, "PNG") for picture in pictures]
    answer = ask(signatures["explain_bytes"], image_bytes=files)
    explainer = tiny_explainer()
    for i, picture in enumerate(pictures):
        single = ask(signatures["explain_bytes"], image_bytes=[files[i]])
        for k in range(3):
            mask, alone = (
                tf.io.decode_png(content).numpy()
                for content in (
                    answer["masks_png_bytes"][i, k],
                    single["masks_png_bytes"][0, k],
                )
            )
            # Batches of other sizes may round the last bit otherwise.
            np.testing.assert_allclose(mask, 1.0 * alone, atol=1)
            assert mask.shape == (picture.height, picture.width, 1)
    # A picture of the classifier's size: the masks of `explain`, to half a level.
    picture = Image.fromarray(raw_images()[0].astype("uint8"))
    answer = ask(signatures["explain_bytes"], image_bytes=[file_of(picture, "PNG")])
    expected = explainer.explain(preprocessed(raw_images()[:1]), top_k=3)
    for k in range(3):
        mask = tf.io.decode_png(answer["masks_png_bytes"][0, k])[..., 0].numpy()
        np.testing.assert_allclose(
            mask / 255, expected.masks[0, ..., k], atol=0.5 / 255 + 1e-4
        )


@pytest.mark.slow
def test_top_k_mask_size_and_threshold():
    explainer = tiny_explainer()
    signatures = make_signatures(explainer, top_k=1, mask_size=(20, 24), threshold=0.4)
    picture = file_of(Image.fromarray(raw_images()[0].astype("uint8")), "PNG")
    answer = ask(signatures["explain_bytes"], image_bytes=[picture])
    assert answer["masks"].shape == (1, 20, 24, 1)
    assert answer["class_names"].shape == answer["masks_png_bytes"].shape == (1, 1)
    assert set(np.unique(answer["masks"])) == {0.0, 1.0}
    mask = tf.io.decode_png(answer["masks_png_bytes"][0, 0])[..., 0].numpy()
    full = explainer.explain(preprocessed(raw_images()[:1]), top_k=1).masks[0, ..., 0]
    certain = np.abs(full - 0.4) > 1e-4
    np.testing.assert_array_equal(mask[certain], 255 * (full >= 0.4)[certain])


def assert_verified(answer, expected, atol=1e-5):
    np.testing.assert_array_equal(answer["classes"], expected.classes)
    for name in ("kept_scores", "removed_scores"):
        scores = getattr(expected, name)
        np.testing.assert_allclose(answer[name], scores, atol=atol)
        # Values that differ, and are not the scores themselves.
        assert np.ptp(scores) > 0.01
        assert np.abs(scores - expected.scores).max() > 0.001


@pytest.mark.slow
def test_verified_scores_are_those_of_explain(signatures):
    images = raw_images()
    expected = tiny_explainer().explain(preprocessed(images), verify=True)
    answer = ask(signatures["explain_and_verify"], images=images)
    assert_verified(answer, expected)
    plain = ask(signatures["serving_default"], images=images)
    for name in plain:
        np.testing.assert_array_equal(answer[name], plain[name])
    files = [file_of(Image.fromarray(i.astype("uint8")), "PNG") for i in images]
    answer = ask(signatures["explain_bytes_and_verify"], image_bytes=files)
    assert_verified(answer, expected)
    plain = ask(signatures["explain_bytes"], image_bytes=files)
    for name in plain:
        np.testing.assert_array_equal(answer[name], plain[name])


@pytest.mark.slow
def test_what_is_made_of_masks_to_be_sent_does_not_change_their_proof():
    explainer, images = tiny_explainer(), raw_images()
    signatures = make_signatures(explainer, top_k=2, mask_size=2, threshold=0.9)
    expected = explainer.explain(preprocessed(images), top_k=2, verify=True)
    answer = ask(signatures["explain_and_verify"], images=images)
    assert answer["masks"].shape == (2, 2, 2, 2)
    assert_verified(answer, expected)
    # Masks of 0 and 1 would have another.
    hard = (expected.masks[..., 0] >= 0.9).astype("float32")
    kept = explainer.kept_part(preprocessed(images), hard)
    kept = explainer.frozen.probabilities(explainer.frozen.logits(kept)).numpy()
    kept = kept[np.arange(2), expected.classes[:, 0]]
    assert np.abs(kept - expected.kept_scores[:, 0]).max() > 0.001


@pytest.mark.slow
def test_the_signatures_that_verify_have_the_graph_of_the_classifier_from_others():
    signatures = make_signatures(tiny_explainer())

    def convolutions(names):
        functions, count = {}, 0
        for name in names:
            graph = signatures[name].graph.as_graph_def()
            functions.update({f.signature.name: f for f in graph.library.function})
            count += sum(node.op == "Conv2D" for node in graph.node)
        nodes = [node for f in functions.values() for node in f.node_def]
        return count + sum(node.op == "Conv2D" for node in nodes)

    others = [name for name in signatures if not name.endswith("_and_verify")]
    assert convolutions(signatures) == convolutions(others) > 0


@pytest.mark.parametrize(
    "signature, inputs, message",
    [
        (
            "explain_and_verify",
            {"images": np.full((1, 32, 32, 3), np.inf, "float32")},
            "`images` should be finite. Received: NaN",
        ),
        (
            "serving_default",
            {"images": np.zeros((0, 32, 32, 3), "float32")},
            "`images` should hold at least one image. Received: none",
        ),
        (
            "explain_bytes",
            {"image_bytes": np.zeros((0,), "S1")},
            "`image_bytes` should hold at least one file. Received: none",
        ),
        (
            "serving_default",
            {"images": np.full((1, 32, 32, 3), np.nan, "float32")},
            "`images` should be finite. Received: NaN",
        ),
        (
            "explain_class",
            {"images": raw_images(), "targets": np.int32([0, 5])},
            "`targets` should hold one class per image, from 0 to 4. Received: .0 5.",
        ),
        (
            "explain_class",
            {"images": raw_images(), "targets": np.int32([1])},
            "`targets` should hold one class per image",
        ),
    ],
)
def test_wrong_values_get_a_clear_error(signatures, signature, inputs, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        ask(signatures[signature], **inputs)
    assert ask(signatures["classify"], images=raw_images())["probabilities"].all()


# === The folder ===


@pytest.mark.slow
def test_warm_up_requests_are_those_of_the_official_protos():
    protos = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2",
        reason="tensorflow-serving-api is not installed",
    )
    path = exported() / "assets.extra" / "tf_serving_warmup_requests"
    signatures = tf.saved_model.load(str(exported())).signatures
    batch_sizes = {}
    for record in tf.data.TFRecordDataset(str(path)):
        log = protos.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        # Nothing but what is meant: no unknown or forgotten fields.
        assert log.SerializeToString(deterministic=True)
        assert request.model_spec.WhichOneof("version_choice") is None
        signature = request.model_spec.signature_name
        if request.output_filter:
            assert signature == "explain_bytes"
            assert set(request.output_filter) < set(
                signatures[signature].structured_outputs
            )
            continue
        inputs = {name: tf.make_ndarray(p) for name, p in request.inputs.items()}
        answer = ask(signatures[signature], **inputs)
        assert all(
            len(value) == len(next(iter(inputs.values()))) for value in answer.values()
        )
        batch_sizes.setdefault(signature, []).append(len(next(iter(inputs.values()))))
        if "images" in inputs:
            assert (inputs["images"] == 128).all()
    # Those that verify would double the time in which a server starts.
    warm = [name for name in signatures if not name.endswith("_and_verify")]
    assert batch_sizes == dict.fromkeys(warm, [1, 2]) and len(warm) == 4


def test_warm_up_of_large_images_is_small(signatures, tmp_path):
    requests = warm_up_requests((224, 224), [1, 8], signatures)
    write_warm_up(requests, tmp_path / "requests")
    assert (tmp_path / "requests").stat().st_size < 100_000


def test_batching_parameters():
    text = (exported() / "batching_params.pbtxt").read_text()
    assert text.splitlines()[:3] == [
        "max_batch_size { value: 2 }",
        "allowed_batch_sizes: 1",
        "allowed_batch_sizes: 2",
    ]


def test_a_version_is_never_replaced(tmp_path):
    version = tmp_path / "pets" / "3"
    version.mkdir(parents=True)
    (version / "precious").write_text("as it was")
    with pytest.raises(FileExistsError, match=r"such as .*/4\. Received: .*/3, which"):
        tiny_explainer().export(version)
    assert (version / "precious").read_text() == "as it was"
    assert [path.name for path in version.parent.iterdir()] == ["3"]


@pytest.mark.slow
def test_a_version_that_came_meanwhile_is_kept(tmp_path, monkeypatch):
    version = tmp_path / "pets" / "1"

    def another_export(*args):
        version.mkdir()
        (version / "precious").write_text("as it was")

    module = sys.modules["keras_explainer.serving.export_saved_model"]
    monkeypatch.setattr(module, "_replay", another_export)
    with pytest.raises(FileExistsError):
        export_saved_model(tiny_explainer(), version, max_batch_size=1)
    assert [path.name for path in version.parent.iterdir()] == ["1"]
    assert [path.name for path in version.iterdir()] == ["precious"]


@pytest.mark.slow
def test_an_export_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    load = tf.saved_model.load

    def load_another(path):
        loaded = load(path)
        for variable in loaded.variables_of_the_explainer:
            variable.assign(variable + 1)
        return loaded

    monkeypatch.setattr(tf.saved_model, "load", load_another)
    with pytest.raises(RuntimeError, match="should answer as the explainer does"):
        export_saved_model(tiny_explainer(), tmp_path / "1", max_batch_size=1)
    assert not list(tmp_path.iterdir())


# === Arguments ===


@pytest.mark.parametrize(
    "options, message",
    [
        ({"path": "pets"}, "`path` should end in a version, a whole number, such as"),
        ({"format": "onnx"}, "`format` should be .* Received: 'onnx'"),
        ({"top_k": 0}, "`top_k` should be a whole number from 1. Received: 0"),
        ({"top_k": True}, "`top_k` should be a whole number from 1. Received: True"),
        ({"mask_size": (1, 2, 3)}, r"`mask_size` should be .* Received: \(1, 2, 3\)"),
        ({"mask_size": 0.5}, "`mask_size` should be .* Received: 0.5"),
        ({"threshold": 1.5}, "`threshold` should be a number between 0 and 1"),
        ({"max_batch_size": 0}, "`max_batch_size` should be .* Received: 0"),
    ],
)
def test_wrong_arguments(options, message, tmp_path):
    options = {"path": "1", **options}
    with pytest.raises(ValueError, match=message):
        tiny_explainer().export(tmp_path / options.pop("path"), **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "preprocess_input, message",
    [
        ("auto", "`preprocess_input` should be a callable or the name"),
        (lambda images: np.asarray(images) / 255, "`preprocess_input` should be a fun"),
        (
            lambda images: tf.ensure_shape(
                tf.numpy_function(np.square, [images], tf.float32), images.shape
            ),
            "`preprocess_input` should be .* runs Python code",
        ),
        (
            lambda images: images[..., :1],
            "`preprocess_input` should return images of 3",
        ),
    ],
)
def test_preprocessing_that_cannot_be_served(preprocess_input, message, tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input=preprocess_input)
    with pytest.raises(ValueError, match=message) as info:
        explainer.export(tmp_path / "1")
    assert "\n" not in str(info.value)
    assert not list(tmp_path.iterdir())


def test_an_unknown_preprocessing_is_one_sentence(tmp_path):
    with pytest.raises(ValueError) as info:
        kx.ExplainerModel(tiny_classifier()).export(tmp_path / "1")
    assert str(info.value).startswith("Argument `preprocess_input` should")
    assert "\n" not in str(info.value)


@pytest.mark.slow
def test_grey_classifiers_take_rgb_images_and_names_may_be_missing():
    explainer = kx.ExplainerModel(
        tiny_classifier(channels=1, activation="sigmoid"),
        preprocess_input=lambda images: tf.image.rgb_to_grayscale(images) / 255.0,
    )
    signatures = make_signatures(explainer, top_k=2)
    images = raw_images()
    answer = ask(signatures["serving_default"], images=images)
    grey = tf.image.rgb_to_grayscale(images).numpy() / 255
    expected = explainer.explain(grey, top_k=2)
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-5)
    assert answer["class_names"][0, 0].decode() == f"class {expected.classes[0, 0]}"
