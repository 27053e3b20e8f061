"""What a model server says when it does not answer."""

import re

# What TensorFlow puts around the sentence of an assertion in the graph.
_ASSERTION = re.compile(r"assertion failed: \[(.*?)\]\s*(?:\[\[\{\{|$)", re.DOTALL)


class ServingError(Exception):
    """A model server refused a request or could not be reached.

    Args:
        message: String, the server's own message.
        code: String, the canonical name of the status, such as "INVALID_ARGUMENT"
            (the request is wrong), "NOT_FOUND" (no such model or version),
            "RESOURCE_EXHAUSTED" (too many requests at once), "UNAVAILABLE" or
            "DEADLINE_EXCEEDED".
        answered: Boolean. Whether the message is a server's, and not ours about one
            that did not answer.

    Example:

    ```python
    try:
        explanation = client.explain("photo.jpg")
    except keras_explainer.serving.ServingError as error:
        print(error.code, error.message)
    ```
    """

    def __init__(self, message, code, answered=True):
        sentence = _ASSERTION.search(message)
        self.message = sentence[1] if sentence else message
        self.code = code
        self.answered = answered
        said = f"The model server answered {code}: {self.message}"
        super().__init__(said if answered else self.message)

    def __reduce__(self):
        return type(self), (self.message, self.code, self.answered)


def no_server(url):
    """Returns the error of a server that cannot be reached."""
    message = f"No server answers at {url}"
    return ServingError(message, "UNAVAILABLE", answered=False)


def no_answer(url, timeout):
    """Returns the error of a server that takes too long."""
    message = f"No answer within {timeout:g} seconds from {url}"
    return ServingError(message, "DEADLINE_EXCEEDED", answered=False)


def no_signature(signature):
    """Returns the error of a model that was exported before a signature was added."""
    message = (
        f"The served model has no signature {signature}, which verifies masks: export "
        "its explainer anew, by `explainer.export` or keras-explainer export"
    )
    return ServingError(message, "INVALID_ARGUMENT", answered=False)


def no_relevance():
    """Returns the error of an export that does not answer with relevance."""
    message = (
        "The served model answers with masks alone: export its explainer anew, with "
        "relevance, by `explainer.export(path, relevance=True)`"
    )
    return ServingError(message, "INVALID_ARGUMENT", answered=False)


def no_output(signature, name):
    """Returns the error of a signature without an output."""
    message = f"The served signature {signature} has no output {name}"
    return ServingError(message, "INVALID_ARGUMENT", answered=False)
