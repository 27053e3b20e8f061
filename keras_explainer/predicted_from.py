"""Probability from which a class counts as predicted where there may be several."""

PREDICTED_FROM = 0.5
