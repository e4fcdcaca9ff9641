// The channel's list and the thread beside it. Both show pieces of HTML that the server drew,
// placed by their ts.

import { localise } from "./dates.js";
import { End } from "./end.js";

const list = document.getElementById("messages");
const newer = document.getElementById("newer");
const pane = document.getElementById("thread");
const threadList = document.getElementById("thread-messages");
const threadNewer = document.getElementById("thread-newer");

const items = new Map(); // by ts
let root = ""; // ts of the open thread
let viewer = "";

export const openThread = () => root;

// inThread says whether somebody uses the open thread: a button of it has the focus, or a reply is
// begun. Whoever does stays there; everybody else is shown the thread of what was asked last.
export const inThread = () =>
  root !== "" && (threadList.contains(document.activeElement) || document.getElementById("reply-text").value !== "");

// reset shows the items of a sync. keepThread is false when another channel is shown.
export function reset(fresh, person, keepThread) {
  viewer = person;
  items.clear();
  for (const item of fresh) items.set(item.key, item);
  list.replaceChildren(...fresh.filter((item) => !item.thread).map(draw));
  if (!keepThread || !items.has(root)) closeThread(false);
  else showThread();
  if (keepThread) end.keep();
  else end.go();
}

// update applies a patch. It returns the root of a thread in which the app replied for the first
// time.
export function update(changed, gone) {
  let started = "";
  const stay = [end.hold(), threadEnd.hold()];
  for (const key of gone) {
    items.delete(key);
    for (const place of [list, threadList]) find(place, key)?.remove();
  }
  for (const item of changed) {
    const known = items.has(item.key);
    if (!known && item.thread && item.app && ![...items.values()].some((i) => i.thread === item.thread && i.app))
      started = item.thread;
    items.set(item.key, item);
    if (!item.thread) place(list, item);
    if (root && (item.key === root || item.thread === root)) place(threadList, item);
    if (!known && !item.thread) end.came();
    if (!known && item.thread && item.thread === root) threadEnd.came();
    // What only this person sees is the answer to what they just did.
    if (!known && !item.thread && find(list, item.key).matches(".ephemeral")) end.go();
    if (!known && !item.thread && !end.there) newer.hidden = false;
    if (!known && item.thread && item.thread === root && !threadEnd.there) threadNewer.hidden = false;
  }
  if (changed.length || gone.length) for (const back of stay) back();
  return started;
}

function draw(item) {
  const template = document.createElement("template");
  template.innerHTML = item.html; // drawn and escaped by the server; the security policy allows no script in it
  const element = template.content.firstElementChild;
  localise(element);
  for (const mention of element.querySelectorAll(`.mention[data-user="${CSS.escape(viewer)}"]`))
    mention.classList.add("me");
  return element;
}

const find = (place, key) => place.querySelector(`.msg[data-ts="${CSS.escape(key)}"]`);

function place(where, item) {
  const old = find(where, item.key);
  const fresh = draw(item);
  if (old) {
    // Whoever is on a button of the old piece stays on it, or on the message when the button is
    // gone.
    const inside = old.contains(document.activeElement) ? document.activeElement : null;
    keepChoices(old, fresh);
    old.replaceWith(fresh);
    if (inside) {
      const same = inside.dataset.aid && fresh.querySelector(`[data-aid="${CSS.escape(inside.dataset.aid)}"]`);
      if (!same) fresh.tabIndex = -1;
      (same || fresh).focus({ preventScroll: true });
    }
    return;
  }
  fresh.classList.add("fresh");
  const after = [...where.children].find((element) => element.dataset.ts > item.key);
  where.insertBefore(fresh, after || null);
}

// keepChoices lets menus show what was chosen in them, as Slack does while their block keeps its
// id.
function keepChoices(old, fresh) {
  for (const was of old.querySelectorAll("select[data-aid], input[data-external]")) {
    const now = fresh.querySelector(
      `[data-bid="${CSS.escape(was.dataset.bid)}"][data-aid="${CSS.escape(was.dataset.aid)}"]`,
    );
    if (!now || now.tagName !== was.tagName) continue;
    if (was.dataset.external) {
      now.value = was.value;
      if (was.dataset.chosen) now.dataset.chosen = was.dataset.chosen;
    } else if (was.value && [...now.options].some((option) => option.value === was.value)) now.value = was.value;
  }
}

function showThread() {
  const parts = [...items.values()].filter((item) => item.key === root || item.thread === root);
  parts.sort((a, b) => (a.key < b.key ? -1 : 1));
  threadList.replaceChildren(...parts.map(draw));
}

export function show(ts, focus = true) {
  if (!items.has(ts)) return;
  root = ts;
  showThread();
  pane.hidden = false;
  document.body.classList.add("thread-open");
  threadEnd.go();
  if (focus) document.getElementById("reply-text").focus({ preventScroll: true });
}

export function closeThread(focus = true) {
  const back = root;
  root = "";
  pane.hidden = true;
  document.body.classList.remove("thread-open");
  if (focus && back) find(list, back)?.querySelector("[data-act=thread]")?.focus();
}

export function reveal(ts) {
  const message = find(list, ts);
  if (!message) return;
  message.scrollIntoView({ block: "nearest" });
  message.classList.remove("flash");
  void message.offsetWidth; // restarts the animation
  message.classList.add("flash");
  message.querySelector(".btn-primary, .btn")?.focus({ preventScroll: true });
}

const end = new End(list, () => (newer.hidden = true));
const threadEnd = new End(threadList, () => (threadNewer.hidden = true));
newer.addEventListener("click", () => end.go());
threadNewer.addEventListener("click", () => threadEnd.go());
