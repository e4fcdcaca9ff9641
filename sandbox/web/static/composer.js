// The composers: Enter sends, Shift+Enter breaks the line, ↑ brings back what was sent, / offers
// commands.

const sent = [];

// wire connects a form. send gets the text and returns an error to show, or "".
export function wire(form, { send, hints }) {
  const box = form.querySelector("textarea");
  const notice = form.querySelector("[role=alert]");
  let recalled = 0;

  // An Enter that was acted upon must not also break the line, here or where it was pressed before
  // the focus came here.
  let taken = true;

  const grow = () => {
    box.rows = Math.min(8, box.value.split("\n").length);
  };
  const put = (text) => {
    box.value = text;
    box.setSelectionRange(text.length, text.length);
    grow();
  };
  const submit = async () => {
    const text = box.value.trim();
    if (!text) return;
    put("");
    notice.textContent = "";
    sent.push(text);
    recalled = 0;
    hints?.hide();
    const error = await send(text);
    if (error) {
      notice.textContent = error;
      if (!box.value) put(text);
    }
  };

  box.addEventListener("input", () => {
    grow();
    recalled = 0;
    hints?.match(box.value);
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    taken = event.key === "Enter" && !event.shiftKey;
    if (hints?.key(event, put)) return;
    if (taken) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && (!box.value || recalled) && recalled < sent.length) {
      event.preventDefault();
      put(sent[sent.length - ++recalled]);
    } else if (event.key === "ArrowDown" && recalled) {
      event.preventDefault();
      recalled--;
      put(recalled ? sent[sent.length - recalled] : "");
    }
  });
  box.addEventListener("blur", () => (taken = true));
  box.addEventListener("beforeinput", (event) => {
    if (taken && event.inputType === "insertLineBreak") event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return {
    insert(text) {
      put(text);
      hints?.hide();
      box.focus();
    },
    focus: () => box.focus(),
  };
}

// commandHints is the list above the composer that appears with a slash.
export function commandHints(element, choose) {
  const options = [...element.querySelectorAll(".hint")];
  let current = -1;
  const visible = () => options.filter((option) => !option.hidden);
  const mark = (index) => {
    current = index;
    visible().forEach((option, i) => {
      option.classList.toggle("current", i === index);
      option.setAttribute("aria-selected", String(i === index));
    });
  };
  const hide = () => {
    element.hidden = true;
    mark(-1);
  };
  for (const option of options) {
    option.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the composer
    option.addEventListener("click", () => {
      choose(option.dataset.text);
      hide();
    });
  }
  return {
    hide,
    match(text) {
      for (const option of options)
        option.hidden = !option.dataset.text.startsWith(text) || option.dataset.text === text;
      element.hidden = !text.startsWith("/") || text.includes("\n") || visible().length === 0;
      mark(-1);
    },
    key(event, put) {
      if (element.hidden) return false;
      const shown = visible();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        mark(
          (current +
            (event.key === "ArrowDown" ? 1 : -1) +
            shown.length +
            (current < 0 && event.key === "ArrowUp" ? 1 : 0)) %
            shown.length,
        );
        return true;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        hide();
        return true;
      }
      if (event.key === "Tab" || (event.key === "Enter" && current >= 0)) {
        event.preventDefault();
        put(shown[Math.max(current, 0)].dataset.text);
        hide();
        return true;
      }
      return false;
    },
  };
}
