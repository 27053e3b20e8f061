"""What all commands share: arguments, errors of one sentence, the screen.

Nothing here loads TensorFlow on import, so that `--help` answers at once.
"""
