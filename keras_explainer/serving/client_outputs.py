"""The outputs that our own client asks for, by signature.

A session builds an executor for each set of outputs, so the warm-up asks for these too.
"""

_ANSWER = ("probabilities", "classes", "scores", "class_names")
_PROOF = ("kept_scores", "removed_scores")

CLIENT_OUTPUTS = {
    "serving_default": (*_ANSWER, "masks"),
    "explain_bytes": (*_ANSWER, "masks_png_bytes"),
    "explain_and_verify": (*_ANSWER, *_PROOF, "masks"),
    "explain_bytes_and_verify": (*_ANSWER, *_PROOF, "masks_png_bytes"),
    "explain_class": ("masks",),
    "classify": ("probabilities",),
}


def client_outputs(signature, relevance=False):
    """Returns the outputs that the client asks a signature for."""
    outputs = CLIENT_OUTPUTS[signature]
    return (*outputs, "relevance") if relevance else outputs
