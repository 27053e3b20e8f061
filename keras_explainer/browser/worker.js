"use strict";

// Runs the LiteRT file of an explainer in a worker, behind LiteRT's own loader, which
// defines `ModuleFactory`. Each message is a call, each answer has its number.

let wasm, environment, model, compiled, signatures, size, images, probabilities;

// `elements` of LiteRT's C++ vectors, which are freed by hand.
function elements(vector) {
  const found = Array.from({ length: vector.size() }, (_, i) => vector.get(i));
  vector.delete();
  return found;
}

async function start({ runtime, content, inputSize }) {
  size = inputSize;
  const errors = [];
  // LiteRT writes all that it has to say as errors.
  const printErr = line => line.startsWith("ERROR") && errors.push(line);
  wasm = await ModuleFactory({ wasmBinary: runtime, printErr });
  wasm.setupLogging();
  environment = wasm.LiteRtEnvironment.create(null);
  const place = wasm._malloc(content.byteLength);
  wasm.HEAPU8.set(new Uint8Array(content), place);
  model = wasm.loadModel(environment, place, content.byteLength);
  compiled = await wasm.compileModel(environment, model, {
    environment, accelerator: "wasm", cpuOptions: { numThreads: 1 },
    gpuOptions: {}, webNNOptions: {},
  });
  if (errors.length) throw new Error(errors.join(" "));
  signatures = {};
  for (let index = 0; index < model.getNumSignatures(); index++) {
    const signature = model.getSignature(index);
    signatures[signature.key()] = {
      index,
      inputs: elements(signature.inputNames()),
      outputs: elements(signature.outputNames()),
    };
  }
}

// Answers a signature; inputs and outputs are typed arrays by their names.
async function run(name, inputs) {
  const signature = signatures[name], mode = wasm.LiteRtTensorBufferLockMode;
  const buffers = signature.inputs.map((input, i) => {
    const values = inputs[input], type = model.getInputTensorType(signature.index, i);
    const buffer = wasm.LiteRtTensorBuffer.createManaged(
      environment, wasm.LiteRtTensorBufferType.HOST_MEMORY, type, values.byteLength);
    type.delete();
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    wasm.HEAPU8.set(bytes, buffer.lock(mode.WRITE));
    buffer.unlock();
    return buffer;
  });
  const found = await compiled.run(signature.index, buffers);
  for (const buffer of buffers) buffer.delete();
  return Object.fromEntries(signature.outputs.map((output, i) => {
    const buffer = found[i], type = buffer.tensorType();
    const isWhole = type.elementType().value === 2;
    const place = buffer.lock(mode.READ);
    const bytes = wasm.HEAPU8.slice(place, place + buffer.packedSize());
    buffer.unlock();
    for (const used of [type, buffer]) used.delete();
    return [output, isWhole ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer)];
  }));
}

// The weights of a row of pixels in each pixel of a row of another length: triangles as
// wide as what is left out, so that nothing is. In whole parts of `ONE`, as Pillow has
// them: so the same level is rounded to.
const ONE = 2 ** 22;

function weightsOf(from, to) {
  const step = from / to, reach = Math.max(step, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * step;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const values = Array.from({ length: end - first }, (_, j) =>
      Math.max(0, 1 - Math.abs(first + j + 0.5 - centre) / reach));
    const sum = values.reduce((a, b) => a + b, 0);
    return { first, values: Float64Array.from(values, value => Math.floor(ONE * value / sum + 0.5)) };
  });
}

// Resizes RGBA pixels to RGB as the package does, by Pillow: along rows, then along
// columns, in whole levels.
function resized(pixels, width, height, [toHeight, toWidth]) {
  const rows = new Uint8ClampedArray(height * toWidth * 3);
  const result = new Float32Array(toHeight * toWidth * 3);
  const columns = weightsOf(width, toWidth);
  const level = sum => Math.floor(sum / ONE + 0.5);
  for (let y = 0, place = 0; y < height; y++) {
    for (const { first, values } of columns) {
      let red = 0, green = 0, blue = 0;
      for (let i = 0, from = 4 * (y * width + first); i < values.length; i++, from += 4) {
        red += values[i] * pixels[from];
        green += values[i] * pixels[from + 1];
        blue += values[i] * pixels[from + 2];
      }
      rows[place++] = level(red);
      rows[place++] = level(green);
      rows[place++] = level(blue);
    }
  }
  const length = 3 * toWidth;
  weightsOf(height, toHeight).forEach(({ first, values }, y) => {
    for (let x = 0; x < length; x++) {
      let sum = 0;
      for (let i = 0; i < values.length; i++)
        sum += values[i] * rows[(first + i) * length + x];
      result[y * length + x] = level(sum);
    }
  });
  return result;
}

const calls = {
  start,
  async explain({ pixels, width, height }) {
    images = resized(pixels, width, height, size);
    const found = await run("serving_default", { images });
    const { classes, masks } = found;
    probabilities = found.probabilities;
    const count = classes.length, cells = size[0] * size[1];
    return Array.from(classes, (index, k) => ({
      index,
      probability: probabilities[index],
      mask: Float32Array.from({ length: cells }, (_, i) => masks[i * count + k]),
    }));
  },
  async explainClass({ index }) {
    const { masks } = await run("explain_class", { images, targets: Int32Array.of(index) });
    return { index, probability: probabilities[index], mask: masks };
  },
  verify({ index, mask }) {
    return run("verify_mask", { images, masks: mask, targets: Int32Array.of(index) });
  },
};

if (typeof onmessage !== "undefined") {
  onmessage = async ({ data: { number, name, inputs } }) => {
    const begin = performance.now();
    try {
      const result = await calls[name](inputs);
      postMessage({ number, result, milliseconds: performance.now() - begin });
    } catch (error) {
      postMessage({ number, problem: String(error?.message ?? error) });
    }
  };
}
