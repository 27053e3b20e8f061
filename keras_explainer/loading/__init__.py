"""Classifiers, explainers, classes, pictures and data, as a command line names them."""
