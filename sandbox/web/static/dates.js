// Dates in the reader's zone: Slack's date tokens, and the times of messages.

const day = 86400;

function pretty(date, plain, capital) {
  const start = new Date();
  start.setHours(0, 0, 0, 0);
  const days = Math.floor((date.getTime() - start.getTime()) / 1000 / day);
  const word = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
  if (!word) return plain;
  return capital ? word[0].toUpperCase() + word.slice(1) : word;
}

const format = (options) => (date) => new Intl.DateTimeFormat(undefined, options).format(date);
const time = format({ hour: "2-digit", minute: "2-digit" });
const long = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const medium = format({ year: "numeric", month: "long", day: "numeric" });
const short = format({ year: "numeric", month: "short", day: "numeric" });

function ago(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  const size = Math.abs(seconds);
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < day) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / day), "day");
}

const tokens = {
  date_num: (d) => [d.getFullYear(), d.getMonth() + 1, d.getDate()].map((n) => String(n).padStart(2, "0")).join("-"),
  date_slash: format({ year: "numeric", month: "2-digit", day: "2-digit" }),
  date: medium,
  date_pretty: (d) => pretty(d, medium(d)),
  date_short: short,
  date_short_pretty: (d) => pretty(d, short(d)),
  date_long: long,
  date_long_full: long,
  date_long_pretty: (d) => pretty(d, long(d)),
  day_divider_pretty: (d) => pretty(d, long(d), true),
  time,
  time_secs: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  ago,
  clock: time, // the page's own: the time beside a name
};

// localise fills in every <time data-unix> below root.
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-unix]")) {
    const date = new Date(Number(element.dataset.unix) * 1000);
    if (Number.isNaN(date.getTime())) continue;
    const begins = !element.previousSibling; // a sentence that begins with a day is written so
    const text = (element.dataset.format || "{time}").replace(/\{(\w+)\}/g, (whole, name, at) => {
      if (!tokens[name]) return whole;
      const value = tokens[name](date);
      return begins && at === 0 ? value[0].toUpperCase() + value.slice(1) : value;
    });
    element.textContent = text;
    element.dateTime = date.toISOString();
    if (!element.title) element.title = date.toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
  }
}

// relative dates grow old while the page is open.
export function keepFresh() {
  setInterval(() => {
    for (const element of document.querySelectorAll('time[data-format*="{ago}"]')) localise(element.parentElement);
  }, 30_000);
}

export function seconds(iso) {
  return new Intl.DateTimeFormat(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  }).format(new Date(iso));
}
