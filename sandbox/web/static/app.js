// The page: one stream of events from the server, and what people do sent back. All state is the
// server's.

import { act, inWords } from "./api.js";
import { commandHints, wire } from "./composer.js";
import { keepFresh } from "./dates.js";
import { ask, setPerson, showModal } from "./dialogs.js";
import * as home from "./home.js";
import * as messages from "./messages.js";
import * as terminals from "./terminals.js";

const $ = (id) => document.getElementById(id);
const people = [...document.querySelectorAll("input[name=person]")];
const wide = matchMedia("(min-width: 900px)");

// A tab remembers who it is, so that two tabs can be two people.
const asked = new URLSearchParams(location.search).get("as");
let viewer =
  [asked, sessionStorage.getItem("person")].find((id) => people.some((p) => p.value === id)) ?? people[0].value;
let channel = document.body.dataset.channel;
let source = null;
let shown = ""; // the channel that the list shows
let tabs = [];
let settings = {};
let wanted = ""; // the message to be shown once its channel is
const read = new Map(); // the newest ts seen, by channel

setPerson(() => viewer);
keepFresh();

// ——— the stream

function connect() {
  source?.close();
  $("messages").setAttribute("aria-busy", "true");
  source = new EventSource(`/events?as=${encodeURIComponent(viewer)}&channel=${encodeURIComponent(channel)}`);
  source.addEventListener("sync", (event) => {
    const view = JSON.parse(event.data);
    $("offline").hidden = true;
    terminals.clear();
    messages.reset(view.items ?? [], viewer, shown === channel);
    shown = channel;
    $("messages").removeAttribute("aria-busy");
    apply(view);
    showModal(view.modal);
    if (wanted) messages.reveal(wanted);
    wanted = "";
  });
  source.addEventListener("patch", (event) => {
    const view = JSON.parse(event.data);
    const started = messages.update(view.items ?? [], view.gone ?? []);
    if (started && wide.matches && !messages.inThread()) messages.show(started, false);
    apply(view);
    if (view.modal || view.no_modal) showModal(view.modal);
  });
  source.addEventListener("error", () => {
    $("offline").hidden = false;
    // The browser connects again by itself, unless the answer was not a stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

function apply(view) {
  if (view.tabs) {
    tabs = view.tabs;
    // A person who is not in this channel looks at the first of theirs.
    if (channel !== home.HOME && !tabs.some((tab) => tab.id === channel) && tabs.length) return go(tabs[0].id);
    drawTabs();
  }
  if (view.home) home.draw(view.home);
  if (view.lines) terminals.append(view.lines);
  if (view.status) terminals.status(view.status);
  if (view.next) drawNext(view.next);
  if (view.online !== undefined) drawOnline(view.online);
  if (view.settings) drawSettings(view.settings);
}

function element(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

function drawTabs() {
  const current = tabs.find((tab) => tab.id === channel);
  if (current) read.set(channel, current.last);
  const focused = document.activeElement.closest?.(".tab")?.dataset.channel;
  $("tabs").replaceChildren(
    ...tabs.map((tab) => {
      const unread = tab.last > (read.get(tab.id) ?? "");
      const button = element(
        "button",
        { type: "button", class: `tab${unread ? " unread" : ""}`, "data-channel": tab.id },
        `${tab.dm ? "@" : "#"} ${tab.name}`,
      );
      if (tab.id === channel) button.setAttribute("aria-current", "page");
      if (unread) button.append(element("span", { class: "tab-new" }, "new"));
      return element("li", {}, button);
    }),
  );
  if (focused) $("tabs").querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
  const atHome = channel === home.HOME;
  document.body.classList.toggle("at-home", atHome);
  $("home").hidden = !atHome;
  if (atHome) $("home-tab").setAttribute("aria-current", "page");
  else $("home-tab").removeAttribute("aria-current");
  const name = atHome ? "revokebot: Home" : current ? `${current.dm ? "" : "# "}${current.name}` : "";
  $("channel-name").textContent = name;
  $("composer-text").placeholder = `Message ${name.replace("# ", "#")}, or / for commands`;
}

function drawOnline(count) {
  const words = count === 1 ? "1 connection" : `${count} connections`;
  $("online").replaceChildren(
    count ? "revokebot is online" : "revokebot is offline",
    element("span", { class: "online-count" }, count ? `, ${words}` : ""),
  );
  $("online").dataset.on = String(count > 0);
}

function drawNext(next) {
  const strip = $("next");
  const parts = [];
  if (next.number) parts.push(element("span", { class: "next-step" }, `Step ${next.number} of 5`));
  parts.push(element("span", { class: "next-text" }, next.text));
  if (next.do) {
    const button = element(
      "button",
      { type: "button", class: "btn btn-next", "data-act": "next", "data-do": next.do, "data-value": next.value },
      next.label,
    );
    if (next.do === "insert") button.setAttribute("aria-label", `Insert ${next.label}`);
    parts.push(button);
  }
  const inside = strip.contains(document.activeElement);
  strip.replaceChildren(...parts);
  strip.hidden = false;
  // Who uses the keyboard goes on from here, and not from the top of the page.
  if (inside)
    (strip.querySelector("button") ?? document.getElementById("composer-text")).focus({ preventScroll: true });
}

function drawSettings(fresh) {
  settings = fresh;
  for (const select of document.querySelectorAll("select[data-control]")) {
    const value = String(settings[select.dataset.control]);
    if (![...select.options].some((option) => option.value === value))
      select.append(element("option", { value }, `${value} s`));
    select.value = value;
  }
  for (const box of document.querySelectorAll("input[data-control]")) box.checked = settings[box.dataset.control];
  terminals.fights(settings.fight);
  const again = document.querySelector('[data-control="redeliver"]');
  again.disabled = !settings.last_click;
}

// ——— who one is, and where

function become(id, focus) {
  const radio = people.find((p) => p.value === id);
  if (!radio) return;
  const changed = id !== viewer;
  viewer = id;
  radio.checked = true;
  sessionStorage.setItem("person", id);
  $("you").value = id;
  $("blurb").textContent = radio.closest("label").title.replace(/ \(Alt.*/, "");
  document.title = `${radio.dataset.name} · revokebot sandbox`;
  document.body.dataset.viewer = id;
  if (changed || !source) connect();
  if (changed && channel === home.HOME) home.open(viewer);
  if (focus) composer.focus();
}

function go(id) {
  channel = id;
  document.body.classList.remove("rail-open");
  connect();
  if (id === home.HOME) home.open(viewer);
}

// visit goes to a message by its link, as Slack does, and reports whether it is one of a channel
// that this person is in.
function visit(address) {
  const [, id, seconds, rest] =
    /^https:\/\/[\w-]+\.slack\.com\/archives\/(\w+)\/p(\d{10})(\d{6})$/.exec(address ?? "") ?? [];
  if (!tabs.some((tab) => tab.id === id)) return false;
  if (id === channel) messages.reveal(`${seconds}.${rest}`);
  else {
    wanted = `${seconds}.${rest}`;
    go(id);
  }
  return true;
}

for (const radio of people) radio.addEventListener("change", () => become(radio.value));
$("you").addEventListener("change", () => become($("you").value));
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  // By position, because Option and a digit make other characters on some keyboards.
  const radio = people.find((p) => event.code === `Digit${p.dataset.key}`);
  if (!radio) return;
  event.preventDefault();
  become(radio.value);
});

// ——— composing

const hints = commandHints($("hints"), (text) => composer.insert(text));
const composer = wire($("composer"), {
  hints,
  send: async (text) => {
    const answer = await act("command", { user: viewer, channel, text });
    return answer.ok ? "" : inWords(answer.error, text.startsWith("/") ? text.split(" ")[0] : "Sending");
  },
});
wire($("reply"), {
  send: async (text) => {
    const answer = await act("command", { user: viewer, channel, thread: messages.openThread(), text });
    return answer.ok ? "" : inWords(answer.error, "Sending");
  },
});

// ——— pressing

async function press(target, extra) {
  if (!(await ask(target))) return;
  const message = target.closest(".msg");
  const body = { user: viewer, block_id: target.dataset.bid, action_id: target.dataset.aid, ...extra };
  if (message) Object.assign(body, { channel: message.dataset.channel, ts: message.dataset.ts });
  else body.view = target.closest("[data-view]")?.dataset.view;
  target.classList.add("busy");
  target.setAttribute("aria-busy", "true");
  const answer = await act("click", body);
  target.classList.remove("busy");
  target.removeAttribute("aria-busy");
  const notice = (message ?? target.closest("#home"))?.querySelector(".msg-error");
  if (notice) {
    notice.hidden = answer.ok;
    notice.textContent = answer.ok ? "" : `⚠ ${inWords(answer.error, "This button")}`;
  }
}

const acts = {
  click: (target) => {
    press(target);
    if (target.dataset.open && !visit(target.dataset.open)) window.open(target.dataset.open, "_blank", "noopener");
  },
  thread: (target) => messages.show(target.dataset.ts),
  "close-thread": () => messages.closeThread(),
  rail: () => document.body.classList.toggle("rail-open"),
  dock: (target) => {
    const folded = document.body.classList.toggle("dock-folded");
    target.setAttribute("aria-expanded", String(!folded));
    target.setAttribute("aria-label", folded ? "Unfold the terminals" : "Fold the terminals");
  },
  next: (target) => {
    const { do: what, value } = target.dataset;
    if (what === "insert") composer.insert(value);
    else if (what === "become") become(value, false);
    else if (what === "show") messages.reveal(value);
    else if (what === "thread") messages.show(value);
    else if (what === "control")
      control(...value.split("=")).then((answer) => ($("notice").textContent = answer.ok ? "" : answer.error));
  },
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-act]");
  if (target && acts[target.dataset.act]) acts[target.dataset.act](target);
  const tab = event.target.closest("[data-channel].tab");
  if (tab) go(tab.dataset.channel);
  if (event.target.closest("#home-tab")) go(home.HOME);
  const link = event.target.closest("a[href]");
  if (link && visit(link.href)) event.preventDefault();
  if (document.body.classList.contains("rail-open") && !event.target.closest("#rail, [data-act=rail]"))
    document.body.classList.remove("rail-open");
});
document.addEventListener("change", (event) => {
  const target = event.target.closest('[data-act="select"]');
  if (!target) return;
  const selected = target.dataset.external ? target.dataset.chosen : target.value;
  if (selected) press(target, { selected });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (document.body.classList.contains("rail-open")) document.body.classList.remove("rail-open");
  else if (messages.openThread() && event.target.closest("#thread")) messages.closeThread();
});

// ——— the controls

async function control(name, value) {
  const result = document.querySelector(".setting-result");
  result.textContent = "";
  const answer = await act("control", { name, value });
  result.textContent = answer.ok ? (answer.said ?? "Done.") : answer.error;
  if (!answer.ok) drawSettings(settings); // what was chosen does not hold
  return answer;
}
for (const element of document.querySelectorAll("[data-control]")) {
  if (element.matches("select"))
    element.addEventListener("change", () => control(element.dataset.control, element.value));
  else if (element.matches("input"))
    element.addEventListener("change", () => control(element.dataset.control, element.checked ? "on" : "off"));
  else element.addEventListener("click", () => control(element.dataset.control));
}

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // It holds for this visit.
  }
});

if (!wide.matches) document.querySelector(".dock-toggle")?.click();
become(viewer);
