// What a person finds hard to look at. These functions stand behind those of eyes.js.

// A canvas knows every notation of a colour.
const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (colour) => {
  if (!known.has(colour)) known.set(colour, measured(colour));
  return [...known.get(colour)];
};
const measured = (colour) => {
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);

// ground is the colour behind the text of an element.
const ground = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    layers.push(rgba(getComputedStyle(e).backgroundColor));
    if (layers.at(-1)[3] === 1 || e.matches("dialog")) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), rgba("Canvas"));
};
const luminance = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// contrast is the ratio of the Web Content Accessibility Guidelines, from 1 to 21.
const contrast = (element, pseudo) => {
  const below = ground(element);
  const colour = rgba(getComputedStyle(element, pseudo).color);
  for (let e = element; e; e = e.parentElement) colour[3] *= Number(getComputedStyle(e).opacity);
  const [a, b] = [luminance(over(colour, below)), luminance(below)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};

// front is what can be used now: the open dialog, or else the page.
const front = () => document.querySelector("dialog[open]") ?? document.body;
const describe = (e) => `${e.tagName.toLowerCase()}${e.className && typeof e.className === "string" ? "." + e.className.trim().replace(/\s+/g, ".") : ""} ${JSON.stringify(words(e).slice(0, 40))}`;

// pale lists the texts that are hard to read.
const pale = () => {
  const found = [];
  const see = (e, pseudo, what) => {
    const ratio = contrast(e, pseudo);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${describe(e)}${what}`);
  };
  for (const e of front().querySelectorAll("*")) {
    if (!shown(e) || e.closest(":disabled, template, option")) continue;
    if ([...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim())) see(e, null, "");
    if (e.matches("textarea, input, select")) see(e, null, " typed");
    if (e.placeholder) see(e, "::placeholder", " placeholder");
  }
  return found;
};

// wide lists what a person would have to scroll sideways for, and what is cut off.
const wide = () => {
  const found = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} wide in a window of ${innerWidth}`);
  // A box that may scroll sideways by itself: a table, and preformatted text.
  const scrolls = (e) => e.closest(".bk-table, pre, .terminal-lines");
  for (const e of front().querySelectorAll("*")) {
    if (!shown(e) || scrolls(e) || e.closest(".rail, .skip, svg")) continue;
    const r = e.getBoundingClientRect();
    if (r.width && (r.right > innerWidth + 1 || r.left < -1)) found.push(`${describe(e)} reaches from ${r.left.toFixed()} to ${r.right.toFixed()}`);
    const style = getComputedStyle(e);
    const clips = style.overflowX !== "visible" && style.textOverflow !== "ellipsis";
    if (clips && e.scrollWidth > e.clientWidth + 1 && !e.matches("textarea, input, select")) found.push(`${describe(e)} hides ${e.scrollWidth - e.clientWidth} px`);
  }
  return found;
};

// standing says what is wrong with the place where the focus is, for somebody who cannot point.
const standing = () => {
  const e = document.activeElement;
  if (e === document.body) return ""; // the browser's own controls
  if (!shown(e) && !e.matches(".person input")) return `the focus is on ${describe(e)}, which is not seen`;
  const mark = e.matches(".person input") ? e.closest(".person") : e.closest(".box") ?? e;
  const style = getComputedStyle(mark);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  if (!ring && style.boxShadow === "none") return `nothing shows that the focus is on ${describe(e)}`;
  const name = e.getAttribute("aria-label") ?? (words(e) || e.labels?.[0]?.textContent.trim());
  return name || e.matches("[tabindex]") ? "" : `${e.outerHTML.slice(0, 120)} has no name`;
};
