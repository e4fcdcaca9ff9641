// The Home tab of the app: what it published for this person.

import { act, inWords } from "./api.js";
import { localise } from "./dates.js";

export const HOME = "home"; // stands where the id of a channel could

const place = document.getElementById("home");
const view = document.getElementById("home-view");
const notice = place.querySelector(".msg-error");
let shown = "";

// open tells the app that somebody opened the tab, as Slack does. What it publishes then comes by
// the stream.
export async function open(user) {
  notice.hidden = true;
  const answer = await act("home", { user });
  notice.hidden = answer.ok;
  notice.textContent = answer.ok
    ? ""
    : `⚠ ${inWords(answer.error, "Opening this tab")} What stands here is what it published before.`;
}

export function draw(home) {
  place.dataset.view = home.id;
  if (home.html === shown) return;
  shown = home.html;
  const inside = view.contains(document.activeElement) ? document.activeElement.dataset : null;
  view.innerHTML = home.html; // drawn and escaped by the server; the security policy allows no script in it
  localise(view);
  if (!inside) return;
  // Whoever was on a button stays on it, or in the tab when the button is gone.
  const same =
    inside.aid &&
    [...view.querySelectorAll(`[data-aid="${CSS.escape(inside.aid)}"]`)].find((e) => e.dataset.value === inside.value);
  (same || place).focus({ preventScroll: true });
}
