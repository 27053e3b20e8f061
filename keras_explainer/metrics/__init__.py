"""Metrics of maps: against true masks, against the classifier, and sanity checks."""

import keras_explainer.require_tensorflow  # noqa: F401
from keras_explainer.image_operations.linear_imputation import linear_imputation
from keras_explainer.metrics.boundary_iou import BoundaryIoU
from keras_explainer.metrics.boundary_iou import boundary_iou
from keras_explainer.metrics.box_localization import BoxLocalization
from keras_explainer.metrics.box_localization import box_iou
from keras_explainer.metrics.box_localization import box_localization
from keras_explainer.metrics.box_localization import mask_to_box
from keras_explainer.metrics.class_specificity import ClassSpecificity
from keras_explainer.metrics.class_specificity import class_specificity
from keras_explainer.metrics.complement_entropy import complement_entropy
from keras_explainer.metrics.confidence_change import confidence_change
from keras_explainer.metrics.confidence_change import confidence_drop
from keras_explainer.metrics.confidence_change import confidence_increase
from keras_explainer.metrics.coverage import BackgroundCoverage
from keras_explainer.metrics.coverage import ObjectCoverage
from keras_explainer.metrics.coverage import background_coverage
from keras_explainer.metrics.coverage import object_coverage
from keras_explainer.metrics.deletion_correlation import deletion_correlation
from keras_explainer.metrics.energy_inside import EnergyInside
from keras_explainer.metrics.energy_inside import energy_inside
from keras_explainer.metrics.f1 import F1
from keras_explainer.metrics.f1 import ContinuousF1
from keras_explainer.metrics.f1 import MeanF1
from keras_explainer.metrics.f1 import continuous_f1
from keras_explainer.metrics.f1 import f1
from keras_explainer.metrics.f1 import mean_f1
from keras_explainer.metrics.insertion_deletion import insertion_deletion
from keras_explainer.metrics.iou import ContinuousIoU
from keras_explainer.metrics.iou import IoU
from keras_explainer.metrics.iou import MeanIoU
from keras_explainer.metrics.iou import continuous_iou
from keras_explainer.metrics.iou import iou
from keras_explainer.metrics.iou import mean_iou
from keras_explainer.metrics.label_encoding import label_encoding
from keras_explainer.metrics.map_similarity import spearman
from keras_explainer.metrics.map_similarity import structural_similarity
from keras_explainer.metrics.model_randomization import model_randomization
from keras_explainer.metrics.pixel_accuracy import PixelAccuracy
from keras_explainer.metrics.pixel_accuracy import pixel_accuracy
from keras_explainer.metrics.pointing_game import PointingGame
from keras_explainer.metrics.pointing_game import pointing_game
from keras_explainer.metrics.random_mask import random_mask_like
from keras_explainer.metrics.road import road
from keras_explainer.metrics.roc_auc import ROCAUC
from keras_explainer.metrics.roc_auc import roc_auc
from keras_explainer.metrics.saliency_score import saliency_score
from keras_explainer.metrics.undecided_share import UndecidedShare
from keras_explainer.metrics.undecided_share import undecided_share

__all__ = [
    "BackgroundCoverage",
    "BoundaryIoU",
    "BoxLocalization",
    "ClassSpecificity",
    "ContinuousF1",
    "ContinuousIoU",
    "EnergyInside",
    "F1",
    "IoU",
    "MeanF1",
    "MeanIoU",
    "ObjectCoverage",
    "PixelAccuracy",
    "PointingGame",
    "ROCAUC",
    "UndecidedShare",
    "background_coverage",
    "boundary_iou",
    "box_iou",
    "box_localization",
    "class_specificity",
    "complement_entropy",
    "confidence_change",
    "confidence_drop",
    "confidence_increase",
    "continuous_f1",
    "continuous_iou",
    "deletion_correlation",
    "energy_inside",
    "f1",
    "insertion_deletion",
    "iou",
    "label_encoding",
    "linear_imputation",
    "mask_to_box",
    "mean_f1",
    "mean_iou",
    "model_randomization",
    "object_coverage",
    "pixel_accuracy",
    "pointing_game",
    "random_mask_like",
    "road",
    "roc_auc",
    "saliency_score",
    "spearman",
    "structural_similarity",
    "undecided_share",
]
