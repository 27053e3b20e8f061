"use strict";

{{ drawing }}

const byId = id => document.getElementById(id);
const STATE = document.body.dataset; // What a reader, or a test, may wait for.
const MOST_PIXELS = 16e6; // Some browsers have no larger canvas.
const SHOWN = 960; // Pixels of the longer side.

const { classNames, colors, inputSize } = JSON.parse(byId("data").textContent);
const shown = { name: "", bitmap: null, entries: [], chosen: 0, times: {} };

// === The worker ===

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(byId(id).textContent), c => c.charCodeAt(0));
  byId(id).remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const waiting = new Map();
let worker, count = 0;

async function start() {
  const [loader, runtime, content] =
    await Promise.all(["loader", "runtime", "model"].map(unpacked));
  const source = new Blob([loader, "\n", byId("worker").textContent]);
  worker = new Worker(URL.createObjectURL(source));
  worker.onmessage = ({ data: { number, result, problem, milliseconds } }) => {
    const [resolve, reject, name] = waiting.get(number);
    waiting.delete(number);
    if (problem) return reject(new Error(problem));
    shown.times[name] = milliseconds;
    resolve(result);
  };
  await ask("start", { runtime, content, inputSize }, [runtime, content]);
}

function ask(name, inputs, transfer = []) {
  return new Promise((resolve, reject) => {
    waiting.set(++count, [resolve, reject, name]);
    worker.postMessage({ number: count, name, inputs }, transfer);
  });
}

// === Words ===

function say(words, isProblem = false) {
  const text = words.replaceAll(" %", "\u00a0%");
  byId("status").textContent = isProblem ? "" : text;
  byId("problem").textContent = isProblem ? text : "";
}

const nameOf = entry => classNames[entry.index];

// === A photograph ===

// The pixels of a photograph on white, as the package reads one.
function pixelsIn(bitmap) {
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const width = Math.max(1, Math.round(shrink * bitmap.width));
  const height = Math.max(1, Math.round(shrink * bitmap.height));
  const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return { pixels: context.getImageData(0, 0, width, height).data, width, height };
}

async function opened(source, name) {
  try {
    // The colours of the file: a profile is not looked at, as in the package.
    return await createImageBitmap(source, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${name} should be a picture that this browser opens, such as JPEG or PNG.`);
  }
}

// Explains a picture: a file, or what a canvas or an image shows. A later one comes
// before one that is not done.
let turn = 0;

async function explain(source, name) {
  const mine = ++turn;
  await ready;
  STATE.state = "working";
  byId("answers").disabled = true;
  say(`Explaining ${name}…`);
  try {
    const bitmap = await opened(source, name);
    const picture = pixelsIn(bitmap);
    const entries = await ask("explain", picture, [picture.pixels.buffer]);
    if (mine !== turn) return;
    shown.bitmap?.close();
    Object.assign(shown, { name, bitmap, entries, chosen: 0 });
    byId("results").hidden = false;
    listClasses();
    draw();
    await prove();
  } finally {
    if (mine === turn) {
      byId("answers").disabled = false;
      STATE.state = "ready";
    }
  }
}

// === Classes ===

function listClasses() {
  byId("classes").replaceChildren(...shown.entries.map((entry, place) => {
    const row = byId("class-row").content.cloneNode(true).firstElementChild;
    const [radio, name, share] = ["input", ".name", ".share"].map(s => row.querySelector(s));
    radio.value = place;
    radio.checked = place === shown.chosen;
    name.textContent = nameOf(entry);
    share.textContent = percent(entry.probability);
    row.style.setProperty("--share", entry.probability);
    return row;
  }));
  const likeliest = shown.entries.filter(entry => !entry.isOther);
  byId("others").hidden = likeliest.length === classNames.length;
}

async function choose(place) {
  shown.chosen = place;
  draw();
  await prove();
}

// Adds a class that is not among the likeliest, in the place of another such.
async function chooseOther(index) {
  const known = shown.entries.findIndex(entry => entry.index === index);
  if (known < 0) {
    shown.entries = shown.entries.filter(entry => !entry.isOther);
    const entry = await ask("explainClass", { index });
    shown.entries.push({ ...entry, isOther: true });
  }
  shown.chosen = known < 0 ? shown.entries.length - 1 : known;
  listClasses();
  await choose(shown.chosen);
}

// === Masks ===

const threshold = () => Number(byId("threshold").value);

function maskImage(mask) {
  const [height, width] = inputSize;
  const image = new ImageData(width, height);
  for (let i = 0; i < mask.length; i++) {
    image.data.fill(255 * mask[i], 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  return drawn(image);
}

function drawn(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Shows the photograph with the outline of the chosen mask.
function draw() {
  const { bitmap, entries, chosen } = shown, entry = entries[chosen];
  const shrink = Math.min(1, SHOWN / Math.max(bitmap.width, bitmap.height));
  const canvas = byId("picture");
  canvas.width = Math.max(1, Math.round(shrink * bitmap.width));
  canvas.height = Math.max(1, Math.round(shrink * bitmap.height));
  const picture = pixelsOf(bitmap, canvas.width, canvas.height);
  const mask = pixelsOf(maskImage(entry.mask), canvas.width, canvas.height).data;
  const color = colors[entry.index].match(/\w\w/g).map(digits => parseInt(digits, 16));
  shown.area = cut(picture.data, mask, canvas.width, threshold(), [...color, 255]);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  canvas.setAttribute("aria-label", `${shown.name} with the mask of ${nameOf(entry)}`);
  byId("level").textContent = threshold().toFixed(2);
}

// What the classifier says of both parts, for the last mask that was asked for.
let isProving = false, isOutdated = false;

async function prove() {
  isOutdated = true;
  if (isProving) return;
  isProving = true;
  try {
    while (isOutdated) {
      isOutdated = false;
      await proveOnce();
    }
  } finally {
    isProving = false;
  }
}

async function proveOnce() {
  const entry = shown.entries[shown.chosen];
  const isCut = byId("cut").checked, level = threshold();
  const mask = isCut ? entry.mask.map(value => value >= level) : entry.mask;
  const proof = await ask("verify", { index: entry.index, mask });
  for (const part of ["kept", "removed"]) {
    showPart(byId(part), proof[part], `${part === "kept" ? "kept" : "left"} of ${shown.name}`);
    byId(`${part}-share`).textContent = percent(proof[`${part}_scores`][0]);
    byId(`${part}-class`).textContent = nameOf(entry);
  }
  Object.assign(shown, { proof, isCut });
  tell(entry, proof);
}

function showPart(canvas, levels, label) {
  const [height, width] = inputSize;
  const image = Object.assign(canvas, { width, height }).getContext("2d").createImageData(width, height);
  for (let i = 0; i < width * height; i++)
    image.data.set([levels[3 * i], levels[3 * i + 1], levels[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.style.aspectRatio = `${shown.bitmap.width} / ${shown.bitmap.height}`;
  canvas.setAttribute("aria-label", label);
}

function tell(entry, proof) {
  const [kept, left] = [proof.kept_scores[0], proof.removed_scores[0]].map(percent);
  const covers = shown.area < 0.0005
    ? "Its mask is empty here: this class is ruled out."
    : `Its mask covers ${percent(shown.area)} of the picture; from that alone the ` +
      `classifier gives it ${kept}, without that ${left}.`;
  say(`${shown.name}: ${nameOf(entry)}, ${percent(entry.probability)}. ${covers}`);
  const rounded = name => `${Math.round(shown.times[name])} ms`;
  byId("times").textContent =
    `Masks of the likeliest classes in ${rounded("explain")}, both parts in ${rounded("verify")}.`;
}

// === The camera ===

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return byId("capture").click();
  try {
    const video = { facingMode: "environment" };
    byId("video").srcObject = await navigator.mediaDevices.getUserMedia({ video });
    byId("viewfinder").showModal();
  } catch (error) {
    say(`This page should be allowed to use a camera that is free. The browser says: ${error.message}`, true);
  }
}

function takePicture() {
  const video = byId("video");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  byId("viewfinder").close();
  attempt(explain(canvas, "the camera's picture"));
}

function stopCamera() {
  for (const track of byId("video").srcObject?.getTracks() ?? []) track.stop();
  byId("video").srcObject = null;
}

// === Events ===

// Does something that may fail, and says so.
const attempt = action => action.catch(error => say(error.message, true));

function take(files) {
  if (files.length) attempt(explain(files[0], files[0].name));
}

function listenForPictures() {
  for (const id of ["file", "capture"])
    byId(id).onchange = event => { take([...event.target.files]); event.target.value = ""; };
  for (const name of ["dragover", "dragleave", "drop"])
    addEventListener(name, event => {
      event.preventDefault();
      document.body.classList.toggle("dragged", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files);
    });
  addEventListener("paste", event => take(event.clipboardData.files));
  for (const sample of document.querySelectorAll(".sample"))
    sample.onclick = () => attempt(explain(sample.querySelector("img"), sample.dataset.name));
  byId("camera").onclick = openCamera;
  byId("take").onclick = takePicture;
  byId("close").onclick = () => byId("viewfinder").close();
  byId("viewfinder").onclose = stopCamera;
}

function listenForChoices() {
  byId("classes").onchange = event => attempt(choose(Number(event.target.value)));
  const options = classNames.map((name, index) => new Option(name, index));
  byId("other").append(...options.sort((a, b) => a.text.localeCompare(b.text)));
  byId("other").onchange = event =>
    event.target.value && attempt(chooseOther(Number(event.target.value)));
  byId("threshold").oninput = () => { draw(); if (byId("cut").checked) attempt(prove()); };
  byId("cut").onchange = () => attempt(prove());
}

listenForPictures();
listenForChoices();
const ready = start();
ready.then(
  () => { STATE.state = "ready"; say("Ready for a photograph."); },
  error => {
    STATE.state = "failed";
    say(`This browser cannot run the classifier; a newer one may. It says: ${error.message}`, true);
  },
);
