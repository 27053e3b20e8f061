"""The commands of `keras-explainer`, one file each.

Nothing here loads TensorFlow on import, so that `--help` answers at once.
"""
