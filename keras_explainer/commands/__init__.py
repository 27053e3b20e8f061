"""The commands of `keras-explainer`, one file each, and what they share.

Nothing here loads TensorFlow on import, so that `--help` answers at once.
"""
