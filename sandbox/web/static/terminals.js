// The two terminals. Equal answers in a row become one line with a count: what changes is what
// matters.

import { seconds } from "./dates.js";
import { End } from "./end.js";

const marks = {
  "gets answers": "●",
  "is denied": "✕",
  "assumed the role again": "↻",
  "holds expired credentials": "○",
  "gets errors": "!",
  "has not called yet": "…",
};

const terminals = new Map();
for (const element of document.querySelectorAll(".terminal")) {
  const lines = element.querySelector(".terminal-lines");
  terminals.set(element.dataset.actor, { element, lines, end: new End(lines), last: null });
}

export function clear() {
  for (const terminal of terminals.values()) {
    terminal.lines.replaceChildren();
    terminal.last = null;
  }
}

export function append(lines) {
  for (const line of lines) {
    const terminal = terminals.get(line.actor);
    if (!terminal) continue;
    const last = terminal.last;
    if (last && last.command === line.command && last.output === line.output && last.outcome === line.outcome) {
      last.count++;
      last.at.textContent = seconds(line.at);
      last.times.textContent = `×${last.count}`;
      continue;
    }
    terminal.last = draw(terminal.lines, line);
    while (terminal.lines.children.length > 200) terminal.lines.firstChild.remove();
  }
  for (const terminal of terminals.values()) terminal.end.keep();
}

function text(tag, name, content) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = content;
  return element;
}

function draw(place, line) {
  const row = text("div", `line ${line.outcome}`, "");
  const at = text("span", "line-at", seconds(line.at));
  const body = text("div", "line-body", "");
  const times = text("span", "line-times", "");
  const comment = line.command.startsWith("#");
  const command = text("div", comment ? "line-comment" : "line-command", line.command);
  command.append(times);
  body.append(command);
  if (line.output) body.append(text("div", "line-output", line.output));
  row.append(at, body);
  place.append(row);
  return { ...line, count: 1, at, times };
}

export function status(list) {
  for (const status of list) {
    const element = terminals.get(status.actor)?.element;
    if (!element) continue;
    const badge = element.querySelector(".state");
    const words = `${marks[status.state] ?? "?"} ${inWords(status)}`;
    if (badge.textContent !== words) badge.textContent = words;
    badge.dataset.state = status.state;
    badge.classList.toggle("still-in", Boolean(status.still_in) && status.state === "is denied");
    const again = element.querySelector(".again");
    if (again && status.actor === "thief") removed(again, status.removals);
    else if (again) {
      again.hidden = !status.assumed || status.state !== "gets answers";
      again.textContent = "↻ assumed the role again";
      again.title = status.assumed ? `at ${seconds(status.assumed_at)}` : "";
    }
  }
}

// inWords is the state. The thief holds sessions of other roles too, whose calls go on: it is
// denied as this role.
function inWords(status) {
  const role = status.session?.split("/")[1];
  if (status.actor !== "thief" || status.state !== "is denied" || !role) return status.state;
  return `${status.state} as ${role}` + (status.still_in ? `, still in as ${status.still_in}` : "");
}

// fights says whether the thief removes the deny.
export function fights(on) {
  const about = terminals.get("thief")?.element.querySelector(".terminal-about");
  if (about) about.textContent = on ? "a stolen session of the role, and a second key" : "a stolen session of the role";
}

function removed(badge, times) {
  badge.hidden = !times;
  badge.textContent = times ? `removed the deny ×${times}` : "";
}
