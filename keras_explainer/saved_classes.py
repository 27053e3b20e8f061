"""Lets Keras find the package's classes in saved files before they are imported.

Importing them takes TensorFlow, and seconds, which a script that asks for the version
and the command line's help do not need. So each class has a stand-in among Keras'
registered objects, from the moment that Keras is imported, be it before the package or
after it; a file that holds the class imports it.
"""

import importlib
import importlib.abc
import sys

PACKAGE = "keras_explainer"
# Name in saved files: where the class is.
PLACES = {
    "FrozenClassifier": "classifiers.frozen_classifier:FrozenClassifier",
    "Head": "classifiers.head:Head",
    "CellAttention": "decoders.cell_attention:CellAttention",
    "CellSelector": "decoders.cell_selector:CellSelector",
    "ClassHead": "decoders.class_head:ClassHead",
    "ClassSelectorDecoder": "decoders.class_selector:ClassSelectorDecoder",
    "DeepLabV3Decoder": "decoders.deeplabv3:DeepLabV3Decoder",
    "FeatureEncoder": "decoders.feature_encoder:FeatureEncoder",
    "UNetDecoder": "decoders.unet:UNetDecoder",
    "Background": "image_operations.background:Background",
    "BoundedLogitAttentionExplainer": "explainers:BoundedLogitAttentionExplainer",
    "DiscreteMaskExplainer": "explainers:DiscreteMaskExplainer",
    "ExplainerModel": "explainers:ExplainerModel",
    "L2XExplainer": "explainers:L2XExplainer",
    "RealTimeSaliencyExplainer": "explainers:RealTimeSaliencyExplainer",
    "BoundedLogitAttentionLayer": "layers:BoundedLogitAttention",
    "DiscreteMaskLoss": "losses.discrete_mask_loss:DiscreteMaskLoss",
    "ExplainerLoss": "losses.explainer_loss:ExplainerLoss",
    "FunctionLoss": "losses.function_loss:FunctionLoss",
    "RealTimeSaliencyLoss": "losses.real_time_saliency_loss:RealTimeSaliencyLoss",
    "SelectionLoss": "losses.selection_loss:SelectionLoss",
    "TrimapIoU": "metrics.trimap_iou:TrimapIoU",
    "BoxLocalization": "metrics.boxes:BoxLocalization",
    "BackgroundCoverage": "metrics.coverage:BackgroundCoverage",
    "ObjectCoverage": "metrics.coverage:ObjectCoverage",
    "EnergyInside": "metrics.ranking:EnergyInside",
    "ContinuousF1": "metrics.overlap:ContinuousF1",
    "F1": "metrics.overlap:F1",
    "ThresholdAveragedF1": "metrics.overlap:ThresholdAveragedF1",
    "ContinuousIoU": "metrics.overlap:ContinuousIoU",
    "IoU": "metrics.overlap:IoU",
    "ThresholdAveragedIoU": "metrics.overlap:ThresholdAveragedIoU",
    "PixelAccuracy": "metrics.coverage:PixelAccuracy",
    "PointingGame": "metrics.ranking:PointingGame",
    "ROCAUC": "metrics.ranking:ROCAUC",
    "UndecidedShare": "metrics.coverage:UndecidedShare",
}
# Name in files of earlier versions: name now.
FORMER_NAMES = {
    "BoundedLogitAttention": "BoundedLogitAttentionExplainer",
    "L2X": "L2XExplainer",
    "RealTimeSaliency": "RealTimeSaliencyExplainer",
    "BoundaryIoU": "TrimapIoU",
    "MeanF1": "ThresholdAveragedF1",
    "MeanIoU": "ThresholdAveragedIoU",
}


def register_saved_classes():
    """Registers stand-ins for all classes, now or as soon as Keras is imported."""
    if "keras" in sys.modules:
        _register(sys.modules["keras"])
    else:
        sys.meta_path.insert(0, _KerasImport())


def stand_in(name):
    """Returns what takes the place of a class until a file or a caller asks for it.

    Args:
        name: String. One of `PLACES`.

    Returns:
        A class whose instances, and what its `from_config` returns, are those of the
        class itself.
    """

    def find():
        module, _, attribute = PLACES[name].partition(":")
        return getattr(importlib.import_module(f"{PACKAGE}.{module}"), attribute)

    class StandIn:
        def __new__(cls, *args, **kwargs):
            return find()(*args, **kwargs)

        @classmethod
        def from_config(cls, config, **kwargs):
            return find().from_config(config, **kwargs)

    StandIn.__name__ = StandIn.__qualname__ = name
    return StandIn


def _register(keras):
    registered = keras.saving.get_custom_objects()
    names = {name: name for name in PLACES} | FORMER_NAMES
    for saved, name in names.items():
        registered.setdefault(f"{PACKAGE}>{saved}", stand_in(name))


class _KerasImport(importlib.abc.MetaPathFinder):
    """Waits for the import of Keras, leaves it to others, and registers after it."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._registering(spec.loader.exec_module)
        return spec

    def _registering(self, execute):
        def exec_module(module):
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            _register(module)

        return exec_module
