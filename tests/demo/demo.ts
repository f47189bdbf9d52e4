/**
 * The main job, for a person to watch: an MCP server on loopback that demands
 * a valid signature, the program as a subprocess before it, and the official
 * SDK's client that drives it. No AWS account.
 */

// @ts-types="@modelcontextprotocol/sdk/types"
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { sdkClient } from "../support/sdk/client.ts";
import { SdkServer } from "../support/sdk/server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { permissionFlags } from "../support/program/launch.ts";

const say = (text = ""): void => console.log(text);
const tick = (text: string): void => say(`  ✓ ${text}`);

const started = performance.now();
await using server = await SdkServer.start({
  verifier: TEST_VERIFIER,
  answers: "stream",
  dress: "api-gateway",
});
say(`An MCP server that demands IAM listens at ${server.url}`);
say("The proxy runs as a client would start it, with these permissions only:");
say(`  deno run ${permissionFlags(server.url).join(" ")} …`);
say();

say("1. Signed with the right key");
{
  await using peer = await sdkClient({
    target: server.url,
    configure: (client) =>
      client.setNotificationHandler(
        LoggingMessageNotificationSchema,
        ({ params }) => tick(`the server logs: ${JSON.stringify(params.data)}`),
      ),
  });
  const { client } = peer;
  const { name, version } = client.getServerVersion() ??
    { name: "?", version: "?" };
  tick(`initialised: ${name} ${version}`);

  const { tools } = await client.listTools();
  tick(`${tools.length} tools: ${tools.map(({ name }) => name).join(", ")}`);

  const sum = await client.callTool({
    name: "add",
    arguments: { a: 19, b: 23 },
  });
  tick(`add(19, 23) = ${JSON.stringify(sum.structuredContent)}`);

  say("  … a call that streams its progress");
  server.cues.release();
  await client.callTool(
    { name: "slow", arguments: { steps: 4, onCue: true } },
    undefined,
    {
      onprogress: ({ progress, total }) => {
        // The last may come with the answer, and is lost on this client then.
        if (progress === total) return;
        tick(`progress ${progress} of ${total}, while the call runs`);
        // The server takes its next step only now: what is shown here came
        // before the answer, not with it.
        server.cues.release();
      },
    },
  );
  tick("slow: done");

  const { length } = server.gate.records;
  const connections = new Set(
    server.gate.records.all.map(({ connection }) => connection),
  );
  const { size } = connections;
  tick(
    `${length} requests, each signed, over ${size} connection${
      size === 1 ? "" : "s"
    }`,
  );
}
say();

say("2. Signed with a wrong key");
try {
  await using _peer = await sdkClient({
    target: server.url,
    env: {
      AWS_SECRET_ACCESS_KEY: `${TEST_CREDENTIALS.secretAccessKey}-no-longer`,
    },
  });
  throw new Error("the server took a wrong signature");
} catch (error) {
  const refused = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error;
  if (!(refused instanceof Error) || !refused.message.includes("-31013")) {
    throw error;
  }
  tick(`refused: ${refused.message}`);
}
say();
say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
