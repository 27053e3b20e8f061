"""The page that `keras-explainer page` writes: it explains in the browser."""
