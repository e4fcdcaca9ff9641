// Starts the sandbox without its bot, connects client.mjs, plays the people by the page's own API,
// and looks at the result from outside: state.json, and the file as the page serves it. Exit status
// 1 if anything is not as it should be.
//
// usage: node check.mjs <revokebot>, in a directory where @slack/bolt is installed

import { spawn } from "node:child_process";
import { once } from "node:events";

const patience = 20_000;
const children = [];
process.on("exit", () => children.forEach((child) => child.kill()));

// start runs a program and resolves to the match of what it prints.
function start(program, args, env, wanted) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let printed = "";
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${program} printed nothing of ${wanted}:\n${printed}`)), patience);
    const read = (chunk) => {
      printed += chunk;
      const match = printed.match(wanted);
      if (match) {
        clearTimeout(late);
        resolve(match);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", (chunk) => {
      printed += chunk;
      if (/client:|\[ERROR\]/.test(chunk)) {
        console.error(String(chunk));
        process.exitCode = 1;
      }
    });
    once(child, "exit").then(([code]) => reject(new Error(`${program} ended with ${code}:\n${printed}`)));
  });
}

const [, page, api, appToken, botToken] = await start(
  process.argv[2],
  ["--without-bot", "--listen", "127.0.0.1:0"],
  {},
  /Open {2}(\S+)[^]*SLACK_API_URL=(\S+)\nSLACK_APP_TOKEN=(\S+)\nSLACK_BOT_TOKEN=(\S+)\n/,
);
await start(
  process.execPath,
  ["client.mjs"],
  { SLACK_API_URL: api, SLACK_APP_TOKEN: appToken, SLACK_BOT_TOKEN: botToken },
  /connected/,
);

const channel = "C0INCIDENT";
const user = "U0ROSA";
const state = async () => (await fetch(`${page}/state.json`)).json();
const messages = async () => (await state()).messages[channel];

async function act(name, body) {
  const answer = await (
    await fetch(`${page}/act/${name}`, { method: "POST", body: JSON.stringify({ user, ...body }) })
  ).json();
  return answer;
}

// until waits for something that looks at the sandbox to find it.
async function until(what, look) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end)
      throw new Error(`${what} did not come; there is\n${JSON.stringify(await messages(), null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function check(what, right, found) {
  console.log(`${right ? "ok  " : "FAIL"}  ${what}`);
  if (right) return;
  console.log(JSON.stringify(found, null, 1));
  process.exitCode = 1;
}

await until("a connection", async () => (await state()).connections?.some((connection) => connection.Hello));
let answer = await act("command", { channel, text: "/bolt a report" });
check("a slash command is acknowledged", answer.ok && answer.acked_after_ms < 3000, answer);
const card = await until("the card", async () => (await messages()).find((m) => m.Text === "asked for a report"));
check("a message is posted and updated in place", card.Blocks?.length === 2 && !card.Edited, card);
const private_ = await until("the private answer", async () => (await messages()).find((m) => m.Ephemeral));
check("the response URL answers one person", private_.VisibleTo === user && private_.Text === "only for you", private_);

answer = await act("click", { channel, ts: card.TS, block_id: "card", action_id: "choose", selected: "two" });
check("a choice from a menu is acknowledged", answer.ok, answer);
const chosen = await until("the reply", async () => (await messages()).find((m) => m.Text === "chose Two"));
check("the choice is answered in the thread", chosen.ThreadTS === card.TS, chosen);

answer = await act("click", { channel, ts: card.TS, block_id: "card", action_id: "form" });
check("a click is acknowledged", answer.ok, answer);
const view = (await until("the modal", async () => (await state()).views[user]))[0];
check("a modal is open", view.CallbackID === "asked", view);
answer = await act("suggest", { view: view.ID, block_id: "role", action_id: "pick", value: "Dep" });
check(
  "options of a menu come with the acknowledgement",
  answer.ok && answer.ack.options[0].text.text === "DeployRole",
  answer,
);
const filled = (why) => ({ view: view.ID, values: { why: { text: why }, role: { pick: "deployrole" } } });
answer = await act("submit", filled("no"));
const refused = (await state()).views[user]?.[0];
check("an error stands at its field", answer.ok && refused?.Errors?.why === "A little more, please", refused);
answer = await act("submit", filled("for the audit"));
check("a submission is acknowledged", answer.ok && !(await state()).views[user], answer);
const said = await until("the submission", async () =>
  (await messages()).find((m) => m.Text === "for the audit: DeployRole"),
);
check("its values are in the thread", said.ThreadTS === card.TS, said);

const shared = await until("the file", async () => (await messages()).find((m) => m.Files?.length));
check(
  "a file is in the thread",
  shared.ThreadTS === card.TS && shared.Files[0].Title === "Events" && shared.Text === "The list",
  shared,
);
const file = await fetch(`${page}/files/${shared.Files[0].ID}`);
check(
  "its bytes are whole",
  (await file.text()) === "time,event\n10:01:02,AssumeRole\n" &&
    file.headers.get("content-type").startsWith("text/plain"),
  file.status,
);

answer = await act("command", { channel, text: "/unheard-of" });
check("a command that nobody hears of is not acknowledged", answer.error === "dispatch_failed", answer);
process.exit();
