/** The reference server with one of everything, behind a gate. */

import type { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { within } from "../time/deadline.ts";
import { forwardTo } from "../net/forward_to.ts";
import { IamGate } from "../aws/iam_gate.ts";
import { type Line, linesOf } from "../lines.ts";
import { Arrivals } from "../arrivals.ts";
import { TEST_VERIFIER } from "../aws/test_identity.ts";

/** A running server with its gate. */
export interface EverythingServer extends AsyncDisposable {
  /** The MCP endpoint at the gate. */
  readonly url: URL;
  readonly gate: IamGate;
}

/** Starts the server in a process of its own, and a gate before it. */
export async function startEverything(): Promise<EverythingServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--frozen",
      "--cached-only",
      new URL("./everything_main.ts", import.meta.url).href,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = new Arrivals<Line>("line of server-everything");
  const read = (async () => {
    for await (const line of linesOf(child.stdout)) lines.add(line);
    lines.end("server-everything has ended");
  })();
  const { text } = await lines.find(({ text }) => /^listening on/.test(text));
  const port = text.replace("listening on ", "");
  const gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: forwardTo(new URL(`http://127.0.0.1:${port}`)),
  });
  return {
    url: new URL("/mcp", gate.origin),
    gate,
    async [Symbol.asyncDispose](): Promise<void> {
      await gate[Symbol.asyncDispose]();
      child.kill("SIGKILL");
      await within(Promise.all([child.status, read]), "its end");
    },
  };
}

/** What the server asks of its client is noted and answered, its updates kept. */
export function answerQuestions(
  client: Client,
  asked: string[],
  updated: Arrivals<string>,
): void {
  client.setRequestHandler(CreateMessageRequestSchema, () => {
    asked.push("sampling");
    return {
      model: "test",
      role: "assistant",
      content: { type: "text", text: "sampled answer" },
    };
  });
  client.setRequestHandler(ElicitRequestSchema, () => {
    asked.push("elicitation");
    return { action: "accept", content: { name: "elicited answer" } };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => {
    asked.push("roots");
    return { roots: [{ uri: "file:///rooted", name: "rooted" }] };
  });
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => updated.add(params.uri),
  );
}
