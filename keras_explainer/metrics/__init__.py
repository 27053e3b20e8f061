"""Metrics of maps: against true masks, against the classifier, and sanity checks."""

from keras_explainer.image_operations.linear_imputation import linear_imputation
from keras_explainer.metrics.boxes import BoxLocalization
from keras_explainer.metrics.boxes import box_iou
from keras_explainer.metrics.boxes import box_localization
from keras_explainer.metrics.boxes import mask_to_box
from keras_explainer.metrics.class_discrimination import ClassDiscrimination
from keras_explainer.metrics.class_discrimination import class_discrimination
from keras_explainer.metrics.confidence import complement_entropy
from keras_explainer.metrics.confidence import confidence_change
from keras_explainer.metrics.confidence import confidence_drop
from keras_explainer.metrics.confidence import confidence_increase
from keras_explainer.metrics.confidence import saliency_score
from keras_explainer.metrics.coverage import BackgroundCoverage
from keras_explainer.metrics.coverage import ObjectCoverage
from keras_explainer.metrics.coverage import PixelAccuracy
from keras_explainer.metrics.coverage import UndecidedShare
from keras_explainer.metrics.coverage import background_coverage
from keras_explainer.metrics.coverage import object_coverage
from keras_explainer.metrics.coverage import pixel_accuracy
from keras_explainer.metrics.coverage import undecided_share
from keras_explainer.metrics.faithfulness import deletion_correlation
from keras_explainer.metrics.faithfulness import insertion_deletion
from keras_explainer.metrics.faithfulness import road
from keras_explainer.metrics.label_encoding import label_encoding
from keras_explainer.metrics.overlap import F1
from keras_explainer.metrics.overlap import ContinuousF1
from keras_explainer.metrics.overlap import ContinuousIoU
from keras_explainer.metrics.overlap import IoU
from keras_explainer.metrics.overlap import ThresholdAveragedF1
from keras_explainer.metrics.overlap import ThresholdAveragedIoU
from keras_explainer.metrics.overlap import continuous_f1
from keras_explainer.metrics.overlap import continuous_iou
from keras_explainer.metrics.overlap import f1
from keras_explainer.metrics.overlap import iou
from keras_explainer.metrics.overlap import threshold_averaged_f1
from keras_explainer.metrics.overlap import threshold_averaged_iou
from keras_explainer.metrics.ranking import ROCAUC
from keras_explainer.metrics.ranking import EnergyInside
from keras_explainer.metrics.ranking import PointingGame
from keras_explainer.metrics.ranking import energy_inside
from keras_explainer.metrics.ranking import pointing_game
from keras_explainer.metrics.ranking import roc_auc
from keras_explainer.metrics.sanity import model_randomization
from keras_explainer.metrics.sanity import random_mask_like
from keras_explainer.metrics.sanity import spearman
from keras_explainer.metrics.sanity import structural_similarity
from keras_explainer.metrics.trimap_iou import TrimapIoU
from keras_explainer.metrics.trimap_iou import trimap_iou

__all__ = [
    "BackgroundCoverage",
    "TrimapIoU",
    "BoxLocalization",
    "ClassDiscrimination",
    "ContinuousF1",
    "ContinuousIoU",
    "EnergyInside",
    "F1",
    "IoU",
    "ThresholdAveragedF1",
    "ThresholdAveragedIoU",
    "ObjectCoverage",
    "PixelAccuracy",
    "PointingGame",
    "ROCAUC",
    "UndecidedShare",
    "background_coverage",
    "trimap_iou",
    "box_iou",
    "box_localization",
    "class_discrimination",
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
    "threshold_averaged_f1",
    "threshold_averaged_iou",
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
