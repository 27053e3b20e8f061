// Darkens what a mask leaves out, draws the edge of the rest in a colour, and returns
// the share of the picture that is inside. `pixels` is RGBA and is changed.
function cut(pixels, mask, width, threshold, color) {
  const count = pixels.length / 4;
  const inside = i => mask[4 * i] >= 255 * threshold;
  const differs = (i, j) => inside(i) !== inside(j);
  let area = 0;
  for (let i = 0; i < count; i++) {
    const place = 4 * i, column = i % width;
    const isEdge = (column > 0 && differs(i, i - 1)) || (i >= width && differs(i, i - width));
    area += inside(i);
    if (isEdge) {
      pixels.set(color, place);
    } else if (!inside(i)) {
      const [red, green, blue] = pixels.subarray(place, place + 3);
      const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
      for (let c = 0; c < 3; c++)
        pixels[place + c] = 0.35 * (0.35 * pixels[place + c] + 0.65 * grey);
    }
  }
  return area / count;
}

function pixelsOf(image, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

const percent = share => `${Math.round(100 * share)} %`;
