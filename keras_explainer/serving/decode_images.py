"""JPEG and PNG files to images of one size, inside the served graph."""

import tensorflow as tf

from keras_explainer.files.open_picture import MAX_PIXELS
from keras_explainer.serving.served_inputs import checked_list

# No JPEG or PNG is shorter, and the size of a PNG is in these bytes.
_HEADER_BYTES = 24
# Files decoded at once: enough for the cores, and a bound on memory.
_DECODED_AT_ONCE = 4


def decode_images(image_bytes, size):
    """Decodes JPEG and PNG files and resizes them as Pillow does (bilinear).

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB, transparency is
    dropped, the first frame of an animated PNG is taken and EXIF is not looked at.

    Args:
        image_bytes: String tensor (N,), whole files.
        size: Tuple of height and width in pixels.

    Returns:
        Tuple of images, float32 (N, height, width, 3), whole levels 0..255, and
        the size of each file, int32 (N, 2), height and width.

    Raises:
        tf.errors.InvalidArgumentError: When run, if an entry is not a whole JPEG
            or PNG file of at most `MAX_PIXELS` pixels, if there is none, or if they
            are no list.
    """

    def decode(row_and_contents):
        contents = _checked(*row_and_contents)
        # The kernel decodes PNG as well; this method is the one of Pillow.
        image = tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")
        file_size = tf.shape(image)[:2]
        # Pillow resizes first along rows, then along columns, in whole levels.
        levels = _resize(image, (file_size[0], size[1]))
        return tf.ensure_shape(_resize(levels, size), (*size, 3)), file_size

    image_bytes = checked_list("image_bytes", image_bytes)
    count = tf.shape(image_bytes)[0]
    message = "Input `image_bytes` should hold at least one file. Received: none"
    with tf.control_dependencies([tf.debugging.Assert(count > 0, [message])]):
        rows = tf.range(count)
    return tf.map_fn(
        decode,
        (rows, image_bytes),
        fn_output_signature=(
            tf.TensorSpec((*size, 3), tf.float32),
            tf.TensorSpec((2,), tf.int32),
        ),
        parallel_iterations=_DECODED_AT_ONCE,
    )


def _resize(image, size):
    levels = tf.image.resize(image, size, antialias=True)
    return tf.floor(tf.clip_by_value(levels, 0.0, 255.0) + 0.5)


def _checked(row, contents):
    """Returns the file after a look at its header, before memory is taken for it."""
    length = tf.strings.length(contents)
    received = tf.strings.format("image {} of {} bytes", (row, length))
    head = tf.strings.substr(contents, 0, tf.minimum(length, 8))
    is_png = tf.equal(head, b"\x89PNG\r\n\x1a\n")
    start = tf.strings.substr(head, 0, tf.minimum(length, 3))
    is_jpeg = tf.equal(start, b"\xff\xd8\xff")
    contents = _require(
        (length >= _HEADER_BYTES) & (is_png | is_jpeg),
        "be whole JPEG or PNG files",
        received,
        contents,
    )
    height, width = tf.unstack(
        tf.cond(
            is_png,
            lambda: _png_size(contents),
            lambda: tf.io.extract_jpeg_shape(contents, tf.int64)[:2],
        )
    )
    received = tf.strings.format("image {} of {} x {} pixels", (row, width, height))
    # Divided, since the product of what a header claims may overflow.
    few = (width > 0) & (height > 0) & (height <= MAX_PIXELS // tf.maximum(width, 1))
    return _require(few, f"have 1 to {MAX_PIXELS} pixels", received, contents)


def _png_size(contents):
    """Returns height and width, which follow the name of a PNG's first chunk."""
    levels = tf.io.decode_raw(tf.strings.substr(contents, 16, 8), tf.uint8)
    places = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)  # Big-endian.
    sizes = tf.reduce_sum(tf.reshape(tf.cast(levels, tf.int64), (2, 4)) * places, 1)
    return sizes[::-1]


def _require(condition, expected, received, contents):
    message = tf.strings.join(
        [f"Input `image_bytes` should {expected}. Received: ", received]
    )
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(contents)
