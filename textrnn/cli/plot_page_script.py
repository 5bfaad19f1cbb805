"""What makes a page of curves move: its style and its script."""

from __future__ import annotations

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #8888; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818; } }
body { font: 14px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 1.5em auto; max-width: 1200px; padding: 0 1em; }
h1 { font-size: 1.2em; overflow-wrap: anywhere; }
ul { list-style: none; padding: 0; }
label, button { cursor: pointer; }
button { font: inherit; margin-right: .4em; padding: .1em .7em; border: 1px solid var(--faint);
  border-radius: 4px; background: none; color: inherit; }
button[aria-pressed=true] { background: var(--ink); color: var(--paper); }
.swatch { display: inline-block; width: 1.4em; height: .7em; margin: 0 .4em; border-radius: 2px; }
#panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1em; }
@media (max-width: 460px) { #panels { grid-template-columns: 1fr; } }
figure { margin: 0; position: relative; }
figcaption { font-weight: 600; }
figcaption small { font-weight: 400; opacity: .7; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--faint); stroke-width: .5; }
.training { fill: none; stroke-width: 1; opacity: .55; }
.validation { fill: none; stroke-width: 2; }
.mark { stroke-dasharray: 3 3; stroke-width: 1; }
.cursor { stroke: var(--ink); stroke-width: .7; opacity: .6; }
.tip { position: absolute; pointer-events: none; background: var(--paper); border: 1px solid var(--faint);
  border-radius: 4px; padding: .3em .5em; font-size: 12px; white-space: nowrap; z-index: 1; }
"""

SCRIPT = r"""
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const hidden = new Set();
let shown = 0;
const W = 560, H = 260, L = 56, R = 10, T = 8, B = 38;
const strokes = ["", "7 3", "2 3", "7 3 2 3"];
const colour = run => data.colours[run % data.colours.length];
const stroke = run => strokes[Math.floor(run / data.colours.length) % strokes.length];

function svg(name, attributes, parent, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
function el(name, parent, text) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
function written(value, share) {
  if (share) return (100 * value).toPrecision(4).replace(/\.?0+$/, "") + "%";
  const size = Math.abs(value);
  if (size >= 1e9) return +(value / 1e9).toPrecision(4) + "G";
  if (size >= 1e6) return +(value / 1e6).toPrecision(4) + "M";
  if (size >= 1e4) return +(value / 1e3).toPrecision(4) + "k";
  return String(+value.toPrecision(4));
}
function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  if (low === high) { const room = Math.abs(low) / 10 || 1; return [low - room, high + room]; }
  return [low, high];
}
function ticks([low, high], most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 2.5, 5, 10].map(f => f * power).find(s => (high - low) / s <= most) || 10 * power;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    found.push(+(i * step).toPrecision(12));
  return found;
}
function nearest(xs, x) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle; else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}
function drawPanel(panel, drawing, xs) {
  const figure = el("figure", document.getElementById("panels"));
  const caption = el("figcaption", figure, panel.title + " ");
  el("small", caption, panel.unit);
  const root = svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": panel.title}, figure);
  const curves = panel.curves.filter(curve => !hidden.has(curve.run));
  const ys = extent(curves.flatMap(curve => curve.y));
  const px = x => L + (x - xs[0]) / (xs[1] - xs[0]) * (W - L - R);
  const py = y => H - B - (y - ys[0]) / (ys[1] - ys[0]) * (H - T - B);
  for (const tick of ticks(ys, 6)) {
    svg("line", {class: "grid", x1: L, x2: W - R, y1: py(tick), y2: py(tick)}, root);
    svg("text", {x: L - 6, y: py(tick) + 4, "text-anchor": "end"}, root, written(tick, panel.share));
  }
  for (const tick of ticks(xs, 7)) {
    svg("line", {class: "grid", x1: px(tick), x2: px(tick), y1: T, y2: H - B}, root);
    svg("text", {x: px(tick), y: H - B + 14, "text-anchor": "middle"}, root, written(tick));
  }
  svg("text", {x: (L + W - R) / 2, y: H - 4, "text-anchor": "middle"}, root, drawing.label);
  for (const mark of drawing.marks) if (!hidden.has(mark.run)) {
    const place = {class: "mark", stroke: colour(mark.run), x1: px(mark.x), x2: px(mark.x), y1: T, y2: H - B};
    svg("title", {}, svg("line", place, root), mark.text);
  }
  for (const curve of curves) {
    const points = curve.x.map((x, i) => px(x).toFixed(1) + "," + py(curve.y[i]).toFixed(1)).join(" ");
    const look = {class: curve.kind, stroke: colour(curve.run), "stroke-dasharray": stroke(curve.run)};
    if (curve.x.length > 1) svg("polyline", {...look, points}, root);
    if (curve.kind === "validation" && curve.x.length <= 60 || curve.x.length === 1)
      curve.x.forEach((x, i) => {
        svg("circle", {cx: px(x), cy: py(curve.y[i]), r: 2.5, fill: colour(curve.run)}, root);
      });
  }
  for (const [run, x, y] of panel.best) if (!hidden.has(run)) {
    const style = `font-size:16px;fill:${colour(run)}`;
    svg("text", {x: px(x), y: py(y) + 5, "text-anchor": "middle", style}, root, "★");
  }
  const cursor = svg("line", {class: "cursor", y1: T, y2: H - B, visibility: "hidden"}, root);
  const tip = el("div", figure);
  tip.className = "tip";
  tip.hidden = true;
  figure.onpointermove = event => {
    const box = root.getBoundingClientRect();
    const x = xs[0] + ((event.clientX - box.left) / box.width * W - L) / (W - L - R) * (xs[1] - xs[0]);
    if (x < xs[0] || x > xs[1] || !curves.length) return figure.onpointerleave();
    tip.replaceChildren(el("div", null, `${drawing.label} ${written(x)}`));
    for (const curve of curves) {
      const i = nearest(curve.x, x), line = el("div", tip);
      const swatch = el("span", line);
      swatch.className = "swatch";
      swatch.style.background = colour(curve.run);
      const name = data.runs.length > 1 ? data.runs[curve.run].split(":")[0] + " " : "";
      line.append(`${name}${curve.kind} ${written(curve.y[i], panel.share)} at ${written(curve.x[i])}`);
    }
    cursor.setAttribute("x1", px(x)); cursor.setAttribute("x2", px(x));
    cursor.setAttribute("visibility", "visible");
    tip.hidden = false;
    const left = event.clientX - box.left, room = box.width - tip.offsetWidth;
    tip.style.left = Math.max(0, Math.min(room, left + 12)) + "px";
    tip.style.top = "2.5em";
  };
  figure.onpointerleave = () => { tip.hidden = true; cursor.setAttribute("visibility", "hidden"); };
}
function draw() {
  const drawing = data.drawings[shown];
  document.getElementById("panels").replaceChildren();
  const visible = drawing.panels.flatMap(panel => panel.curves.filter(curve => !hidden.has(curve.run)));
  const xs = extent(visible.flatMap(curve => curve.x));
  for (const panel of drawing.panels) drawPanel(panel, drawing, xs);
  for (const button of document.querySelectorAll("#axes button"))
    button.setAttribute("aria-pressed", button.value === String(shown));
}
document.getElementById("axes").append("over ");
data.drawings.forEach((drawing, i) => {
  const button = el("button", document.getElementById("axes"), drawing.label);
  button.value = i;
  button.onclick = () => { shown = i; draw(); };
});
data.runs.forEach((name, run) => {
  const label = el("label", el("li", document.getElementById("runs")));
  const box = el("input", label);
  box.type = "checkbox";
  box.checked = true;
  box.onchange = () => { box.checked ? hidden.delete(run) : hidden.add(run); draw(); };
  const swatch = el("span", label);
  swatch.className = "swatch";
  swatch.style.background = colour(run);
  label.append(name);
});
el("li", document.getElementById("runs"),
  "strong lines: validation; light lines: training; ★ the weights that were kept");
for (const mark of data.drawings[0].marks)
  el("li", document.getElementById("marks"), `${data.runs[mark.run].split(":")[0]}: ${mark.text}`);
draw();
"""
