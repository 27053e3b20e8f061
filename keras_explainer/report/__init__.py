"""The page that `keras-explainer report` writes."""
