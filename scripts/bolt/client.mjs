// An app as somebody would write it with Bolt, Slack's own framework for JavaScript. It knows
// nothing of the sandbox but the three variables that the sandbox prints. check.mjs plays the
// people.

import bolt from "@slack/bolt";

const app = new bolt.App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

const plain = (text) => ({ type: "plain_text", text });
const option = (name) => ({ text: plain(name), value: name.toLowerCase() });

app.command("/bolt", async ({ command, ack, respond, say, client }) => {
  await ack();
  const posted = await say({ text: "working…" });
  await client.chat.update({
    channel: posted.channel,
    ts: posted.ts,
    text: `asked for ${command.text}`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `*${command.text}*, asked for by <@${command.user_id}>` } },
      {
        type: "actions",
        block_id: "card",
        elements: [
          { type: "button", action_id: "form", text: plain("Fill in"), value: posted.ts },
          {
            type: "static_select",
            action_id: "choose",
            placeholder: plain("Which one?"),
            options: [option("One"), option("Two")],
          },
        ],
      },
    ],
  });
  await respond({ response_type: "ephemeral", text: "only for you" });
});

app.action("form", async ({ ack, body, action, client }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: "modal",
      callback_id: "asked",
      private_metadata: `${body.channel.id} ${action.value}`,
      title: plain("A form"),
      submit: plain("Send"),
      blocks: [
        {
          type: "input",
          block_id: "why",
          label: plain("Why"),
          element: { type: "plain_text_input", action_id: "text" },
        },
        {
          type: "input",
          block_id: "role",
          label: plain("Role"),
          element: { type: "external_select", action_id: "pick", min_query_length: 2 },
        },
      ],
    },
  });
});

app.options("pick", async ({ ack, options }) => {
  await ack({ options: [option(`${options.value}loyRole`)] });
});

app.action("choose", async ({ ack, action, say, body }) => {
  await ack();
  await say({ thread_ts: body.container.message_ts, text: `chose ${action.selected_option.text.text}` });
});

app.view("asked", async ({ ack, view, client }) => {
  const why = view.state.values.why.text.value;
  if (why.length < 3) return ack({ response_action: "errors", errors: { why: "A little more, please" } });
  await ack();
  const [channel, ts] = view.private_metadata.split(" ");
  const role = view.state.values.role.pick.selected_option.text.text;
  await client.chat.postMessage({ channel, thread_ts: ts, text: `${why}: ${role}` });
  await client.files.uploadV2({
    channel_id: channel,
    thread_ts: ts,
    initial_comment: "The list",
    filename: "events.csv",
    title: "Events",
    content: "time,event\n10:01:02,AssumeRole\n",
  });
});

app.error(async (error) => console.error("client:", JSON.stringify(error.data ?? error.original?.data), error));

await app.start();
console.log("connected");
