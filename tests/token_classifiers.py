"""Tiny classifiers whose features are tokens, one of each kind."""

import keras
from keras import layers
from keras import ops

WIDTH = 16


@keras.saving.register_keras_serializable(package="tests")
class Embedding(layers.Layer):
    """Adds positions to tokens, and `prefix` tokens of no place before them."""

    def __init__(self, prefix=0, **kwargs):
        super().__init__(**kwargs)
        self.prefix = prefix

    def build(self, shape):
        count = shape[1] + self.prefix
        self.first = self.add_weight((1, self.prefix, shape[-1]), "random_normal")
        self.positions = self.add_weight((1, count, shape[-1]), "random_normal")

    def call(self, tokens):
        first = ops.tile(self.first, (ops.shape(tokens)[0], 1, 1))
        return ops.concatenate([first, tokens], axis=1) + self.positions

    def get_config(self):
        return {**super().get_config(), "prefix": self.prefix}


@keras.saving.register_keras_serializable(package="tests")
class Windows(layers.Layer):
    """Attention within windows of 4 x 4 tokens, of maps or of tokens in rows."""

    def build(self, shape):
        self.attention = layers.MultiHeadAttention(2, 8)
        self.attention.build((None, 16, shape[-1]), (None, 16, shape[-1]))
        self.side = shape[1] if len(shape) == 4 else int(shape[1] ** 0.5)

    def call(self, tokens):
        count, depth = self.side // 4, tokens.shape[-1]
        x = ops.reshape(tokens, (-1, count, 4, count, 4, depth))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 16, depth))
        x = ops.reshape(self.attention(x, x), (-1, count, count, 4, 4, depth))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return tokens + ops.reshape(x, (-1, *tokens.shape[1:]))


@keras.saving.register_keras_serializable(package="tests")
class Block(layers.Layer):
    """A block of a transformer that is a layer of layers."""

    def build(self, shape):
        self.normalize = layers.LayerNormalization()
        self.normalize.build(shape)
        self.attention = layers.MultiHeadAttention(2, shape[-1] // 2)
        self.attention.build(shape, shape)
        self.dense = layers.Dense(shape[-1], activation="gelu")
        self.dense.build(shape)

    def call(self, x):
        y = self.normalize(x)
        x = x + self.attention(y, y)
        return x + self.dense(x), None  # As some return scores, or none.


@keras.saving.register_keras_serializable(package="tests")
class Encoder(layers.Layer):
    """Blocks in a layer, which returns all of its states, too."""

    def build(self, shape):
        self.blocks = [Block() for _ in range(3)]
        for block in self.blocks:
            block.build(shape)

    def call(self, x):
        states = []
        for block in self.blocks:
            x, _ = block(x)
            states.append(x)
        return x, states


@keras.saving.register_keras_serializable(package="tests")
class Positions(layers.Layer):
    """Angles of the places of patches, of which images tell no more than their size."""

    def call(self, images):
        count = (images.shape[1] // 4) * (images.shape[2] // 4)
        return ops.arange(count, dtype="float32")[:, None] / count


@keras.saving.register_keras_serializable(package="tests")
class RotaryAttention(layers.Layer):
    """Attention whose queries and keys are turned by the places of their patches."""

    def build(self, x_shape, positions_shape):
        self.turned = layers.Dense(2 * WIDTH)
        self.turned.build(x_shape)

    def call(self, x, positions):
        batch, count, _ = ops.shape(x)
        both = ops.reshape(self.turned(x), (batch, count, 2, WIDTH))
        both = both * ops.cos(positions)[:, None]
        query, key = both[..., : WIDTH // 2], both[..., WIDTH // 2 :]
        value = ops.reshape(x, (batch, count, 2, WIDTH // 2))
        answer = ops.dot_product_attention(query, key, value)
        return x + ops.reshape(answer, (batch, count, -1))


def patches(images, patch=4):
    x = layers.Conv2D(WIDTH, patch, patch)(images)
    return layers.Reshape((-1, WIDTH))(x)


def attended(x, blocks=3):
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, WIDTH // 2)(y, y)
        y = layers.Dense(2 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dense(WIDTH)(y)
    return x


def answered(images, x, classes=3):
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def transformer(head, prefix=0, size=(32, 32)):
    images = keras.Input((*size, 3))
    x = attended(Embedding(prefix)(patches(images)))
    x = layers.LayerNormalization()(x)
    if head == "flatten":
        x = layers.Dropout(0.5)(layers.Flatten()(x))
        return answered(images, layers.Dense(WIDTH, activation="gelu")(x))
    if head == "mean":
        return answered(images, layers.GlobalAveragePooling1D()(x))
    if head == "distilled":
        both = [layers.Dense(3)(x[:, i]) for i in (0, 1)]
        return keras.Model(images, layers.Softmax()(layers.Average()(both)))
    return answered(images, x[:, 0])


def mixer():
    images = keras.Input((32, 32, 3))
    x = patches(images)
    for _ in range(3):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = x + layers.Permute((2, 1))(layers.Dense(64, activation="gelu")(y))
        x = x + layers.Dense(WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return answered(images, x)


def compact():
    """Convolutional tokens, and a pooling that weighs them."""
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(WIDTH, 3, 2, padding="same", activation="relu")(images)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = attended(Embedding()(layers.Reshape((-1, WIDTH))(x)))
    x = layers.LayerNormalization()(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(x))
    return answered(images, ops.sum(weights * x, axis=1))


def windowed(rows):
    """Windows in two stages, of maps or (`rows`) of tokens."""
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(WIDTH, 2, 2)(images)
    if rows:
        x = layers.Reshape((256, WIDTH))(x)
    x = Windows()(x)
    if rows:
        x = layers.Reshape((16, 16, WIDTH))(x)
    x = layers.Conv2D(WIDTH, 2, 2)(x)
    if rows:
        x = layers.Reshape((64, WIDTH))(x)
    x = layers.LayerNormalization()(Windows()(Windows()(x)))
    pool = layers.GlobalAveragePooling1D if rows else layers.GlobalAveragePooling2D
    return answered(images, pool()(x))


def hybrid():
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(images)
    x = layers.Conv2D(WIDTH, 3, 2, padding="same", activation="relu")(x)
    x = attended(Embedding()(layers.Reshape((-1, WIDTH))(x)))
    return answered(images, layers.GlobalAveragePooling1D()(x))


def rotary():
    images = keras.Input((32, 32, 3))
    x, positions = patches(images), Positions()(images)
    for _ in range(3):
        x = RotaryAttention()(x, positions)
        x = x + layers.Dense(WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    return answered(images, layers.GlobalAveragePooling1D()(x))


def opened():
    images = keras.Input((32, 32, 3))
    x, _ = Encoder()(Embedding(1)(patches(images)))
    return answered(images, layers.LayerNormalization()(x)[:, 0])


KINDS = {
    "flatten head": lambda: transformer("flatten"),
    "class token": lambda: transformer("class", 1),
    "mean": lambda: transformer("mean"),
    "distilled": lambda: transformer("distilled", 2),
    "registers": lambda: transformer("class", 5),
    "wide images": lambda: transformer("class", 1, (32, 48)),
    "mixer": mixer,
    "compact": compact,
    "windows of maps": lambda: windowed(False),
    "windows of tokens": lambda: windowed(True),
    "hybrid": hybrid,
    "layer of layers": opened,
    "rotary": rotary,
}
