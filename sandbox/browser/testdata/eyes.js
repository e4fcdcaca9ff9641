// What a person can see of the page. These functions stand before every question that a test asks.

const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
const words = (e) => (e.innerText ?? "").replace(/\s+/g, " ").trim();
const named = (e, text) => words(e).includes(text) || (e.getAttribute("aria-label") ?? "").includes(text);
const having = (selector, text) => all(selector).filter((e) => named(e, text));
const sees = (selector, text) => having(selector, text).length > 0;

// inside tells whether an element lies wholly in the part of a box that is seen.
const inside = (e, box) => {
  const a = e.getBoundingClientRect();
  const b = box.getBoundingClientRect();
  return a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.left >= b.left - 1 && a.right <= b.right + 1;
};

// aim says where to press an element, or why it cannot be pressed.
const aim = (selector, text) => {
  const found = having(selector, text);
  if (found.length !== 1) return { why: `${found.length} of ${selector} are called ${JSON.stringify(text)}` };
  const [e] = found;
  if (e.disabled) return { why: `${JSON.stringify(text)} is disabled` };
  e.scrollIntoView({ block: "nearest", inline: "nearest" });
  const r = e.getBoundingClientRect();
  const [x, y] = [r.left + r.width / 2, r.top + r.height / 2];
  const top = document.elementFromPoint(x, y);
  if (!top || !e.contains(top)) return { why: `${JSON.stringify(text)} is covered by ${top ? top.outerHTML.slice(0, 160) : "nothing, it is out of sight"}` };
  return { x, y };
};

// takeAim waits until an element can be pressed and does not move, for no longer than some milliseconds, and notes
// whether the next press reaches it.
const takeAim = async (selector, text, patience) => {
  const end = Date.now() + patience;
  for (let before = {}; ; ) {
    const now = aim(selector, text);
    if (!now.why && now.x === before.x && now.y === before.y) break;
    if (Date.now() > end) return now.why ? now : { why: `${JSON.stringify(text)} does not stand still` };
    before = now;
    await new Promise((done) => setTimeout(done, 60));
  }
  const [e] = having(selector, text);
  globalThis.aimed?.abort();
  globalThis.aimed = new AbortController();
  globalThis.hit = false;
  document.addEventListener("click", (event) => (globalThis.hit = e.contains(event.target)), { capture: true, once: true, signal: globalThis.aimed.signal });
  return aim(selector, text);
};
