"""What a model server says when it does not answer."""


class ServingError(Exception):
    """A model server refused a request or could not be reached.

    Args:
        message: String, the server's own message.
        code: String, the canonical name of the status, such as "INVALID_ARGUMENT"
            (the request is wrong), "NOT_FOUND" (no such model or version),
            "UNAVAILABLE" or "DEADLINE_EXCEEDED".

    Example:

    ```python
    try:
        explanation = client.explain("photo.jpg")
    except keras_explainer.serving.ServingError as error:
        print(error.code, error.message)
    ```
    """

    def __init__(self, message, code):
        super().__init__(f"The model server answered {code}: {message}")
        self.message = message
        self.code = code

    def __reduce__(self):
        return type(self), (self.message, self.code)
