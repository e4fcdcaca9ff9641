// Dialogs: the question before a button, the modals that the bot opens, and the two drawers.

import { act, inWords } from "./api.js";
import { localise } from "./dates.js";

const confirmDialog = document.getElementById("confirm");
const modalDialog = document.getElementById("modal");
const form = document.getElementById("modal-form");

// answered resolves the question that is open. A close event comes late, when the next question may
// be open already, so it counts only if the dialog is closed by then.
let answered = () => {};

function answer(yes) {
  const resolve = answered;
  answered = () => {};
  resolve(yes);
}

// ask shows the confirm object of an element, and resolves to whether the answer was yes.
export function ask(element) {
  const template = element.nextElementSibling;
  if (!template?.matches("template.confirm")) return Promise.resolve(true);
  confirmDialog.replaceChildren(template.content.cloneNode(true));
  localise(confirmDialog);
  const title = confirmDialog.querySelector("h2");
  title.id = "confirm-title";
  confirmDialog.setAttribute("aria-labelledby", title.id);
  answer(false);
  confirmDialog.showModal();
  return new Promise((resolve) => (answered = resolve));
}
confirmDialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  confirmDialog.close();
  answer(button.value === "yes");
});
confirmDialog.addEventListener("close", () => {
  if (!confirmDialog.open) answer(false);
});

let current = null; // the modal shown: {id, html}
let person = () => "";

export function setPerson(get) {
  person = get;
}

// showModal follows what the server says is in front of the person.
export function showModal(modal) {
  if (!modal) {
    current = null;
    if (modalDialog.open) modalDialog.close();
    return;
  }
  if (current && current.id === modal.id && current.html === modal.html) return;
  const typed = current?.id === modal.id ? values() : {};
  current = modal;
  form.innerHTML = modal.html; // drawn and escaped by the server
  localise(form);
  restore(typed);
  const title = form.querySelector("h2");
  title.id = "modal-title";
  modalDialog.setAttribute("aria-labelledby", title.id);
  form.dataset.view = modal.id;
  if (!modalDialog.open) modalDialog.showModal();
  (form.querySelector(".bk-input-error")?.parentElement ?? form).querySelector("input, select, textarea")?.focus();
}

function inputs() {
  return [...form.querySelectorAll('[data-act="input"]')];
}

// values are what was filled in, by block and action; what was left empty is not there.
function values() {
  const out = {};
  for (const input of inputs()) {
    let value = input.value;
    if (input.dataset.external) value = input.dataset.chosen || "";
    const boxes = input.dataset.kind === "checkboxes"; // none that is ticked is an answer, too
    if (input.matches("fieldset")) value = [...input.querySelectorAll("input:checked")].map((o) => o.value).join("\n");
    if (value || boxes) (out[input.dataset.bid] ??= {})[input.dataset.aid] = value;
  }
  return out;
}

// restore keeps what was typed when the server sends the same modal again, with errors.
function restore(typed) {
  for (const input of inputs()) {
    const value = typed[input.dataset.bid]?.[input.dataset.aid];
    if (value === undefined) continue;
    if (input.matches("fieldset")) {
      for (const o of input.querySelectorAll("input")) o.checked = value.split("\n").includes(o.value);
    } else {
      input.value = value;
      if (input.dataset.external) input.dataset.chosen = value;
    }
  }
}

// complete marks what is required and empty, as Slack's client does before it sends anything.
function complete() {
  const filled = values();
  let first = null;
  for (const input of inputs()) {
    const place = input.closest(".bk-input");
    place.querySelector(".bk-required")?.remove();
    if (place.querySelector(".bk-optional") || filled[input.dataset.bid]?.[input.dataset.aid]) continue;
    const words = document.createElement("div");
    words.className = "bk-input-error bk-required";
    words.setAttribute("role", "alert");
    words.textContent =
      input.dataset.external && input.value ? "Choose one from the list." : "Please complete this required field.";
    input.after(words);
    first ??= input;
  }
  (first?.matches("fieldset") ? first.querySelector("input") : first)?.focus();
  return !first;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!current || !complete()) return;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const answer = await act("submit", { user: person(), view: current.id, values: values() });
  button.disabled = false;
  const notice = form.querySelector(".modal-error");
  notice.hidden = answer.ok;
  notice.textContent = inWords(answer.error, "Sending");
});

function dismiss() {
  const view = current?.id;
  showModal(null);
  if (view) act("close", { user: person(), view });
}
modalDialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  dismiss();
});

// An external_select asks the bot for its options while one types.
let asked = 0;
document.addEventListener("input", async (event) => {
  const input = event.target.closest("[data-external]");
  if (!input) return;
  delete input.dataset.chosen;
  const mine = ++asked;
  const missing = Number(input.dataset.min) - [...input.value].length;
  if (missing > 0) {
    offer(input, [], "", input.value && `${missing} more ${missing === 1 ? "character" : "characters"}…`);
    return;
  }
  const message = input.closest(".msg");
  const answer = await act("suggest", {
    user: person(),
    view: message ? "" : input.closest("[data-view]")?.dataset.view,
    channel: message?.dataset.channel,
    ts: message?.dataset.ts,
    block_id: input.dataset.bid,
    action_id: input.dataset.aid,
    value: input.value,
    values: message ? undefined : values(),
  });
  if (mine !== asked) return;
  offer(
    input,
    answer.ack?.options ?? (answer.ack?.option_groups ?? []).flatMap((group) => group.options),
    answer.error,
  );
});

function offer(input, options, error, words) {
  input.parentElement.querySelector(".options")?.remove();
  if (words === "") {
    input.setAttribute("aria-expanded", "false");
    return;
  }
  const list = document.createElement("div");
  list.className = "options";
  list.setAttribute("role", "listbox");
  for (const option of options) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "option");
    button.textContent = option.text.text;
    if (option.description) {
      const about = document.createElement("small");
      about.textContent = ` ${option.description.text}`;
      button.append(about);
    }
    button.addEventListener("click", () => {
      input.value = option.text.text;
      input.dataset.chosen = option.value;
      input.closest(".bk-input")?.querySelector(".bk-required")?.remove();
      list.remove();
      input.setAttribute("aria-expanded", "false");
      input.focus();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    list.append(button);
  }
  if (!options.length) list.textContent = words ? words : error ? inWords(error, "The look-up") : "Nothing found";
  input.after(list);
  input.setAttribute("aria-expanded", "true");
}
document.addEventListener("keydown", (event) => {
  const list = event.target.closest?.(".options") ?? event.target.parentElement?.querySelector?.(":scope > .options");
  if (!list) return;
  const options = [...list.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) {
    event.preventDefault();
    options[(options.indexOf(document.activeElement) + step + options.length) % options.length].focus();
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    list.remove();
  }
});

// Chromium gives the focus back to a text field when a modal closes, but not its caret: typing
// would do nothing.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    const field = document.activeElement;
    if (!field.matches("textarea, input")) return;
    field.blur();
    field.focus({ preventScroll: true });
  });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog?.matches("dialog")) dialog.showModal();
  if (event.target.closest("[data-act=close-dialog]")) event.target.closest("dialog").close();
  if (event.target.closest("[data-act=close-view]")) dismiss();
  if (event.target.matches("dialog.drawer")) event.target.close(); // the backdrop
});
