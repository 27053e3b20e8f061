"""Pictures of explanations: overlays, grids and galleries."""

from keras_explainer.visualization.apply_mask import apply_mask
from keras_explainer.visualization.class_color import class_color
from keras_explainer.visualization.class_grid import class_grid
from keras_explainer.visualization.contact_sheet import contact_sheet
from keras_explainer.visualization.gallery import gallery
from keras_explainer.visualization.overlay import overlay
from keras_explainer.visualization.save import save_figure
from keras_explainer.visualization.save import save_image

__all__ = [
    "apply_mask",
    "class_color",
    "class_grid",
    "contact_sheet",
    "gallery",
    "overlay",
    "save_figure",
    "save_image",
]
