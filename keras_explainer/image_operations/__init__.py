"""Operations on images and maps: they know arrays, and no model."""
