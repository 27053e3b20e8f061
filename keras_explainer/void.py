"""The value of pixels in a mask that are of no known class, as PASCAL VOC has it."""

VOID = 255
