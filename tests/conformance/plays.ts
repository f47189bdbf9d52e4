/**
 * What the client of the conformance suite does: it plays each scenario through
 * the program, over stdio.
 */

import type { Client } from "@modelcontextprotocol/client";
import {
  type Sdk2Client,
  sdk2Client,
  type Sdk2ClientOptions,
} from "../support/sdk/v2_client.ts";

/** What a scenario needs, and what is done in it. */
interface Play extends Omit<Sdk2ClientOptions, "mode"> {
  /** More arguments of the program. */
  readonly args?: readonly string[];
  readonly run: (client: Client, asked: AskedPlay) => Promise<void>;
}

/** What the suite asks its client for. */
export interface AskedPlay {
  readonly target: string;
  readonly scenario: string;
  readonly version: string;
  /** JSON of what the scenario needs, if it needs anything. */
  readonly context?: string;
}

/** A tool call that the suite asks for. */
interface AskedCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

const PLAYS: Readonly<Record<string, Play>> = {
  "initialize": { run: async (client) => void await client.listTools() },
  "tools_call": {
    run: async (client) => {
      await client.listTools();
      const call = { name: "add_numbers", arguments: { a: 5, b: 3 } };
      await client.callTool(call);
    },
  },
  "elicitation-sep1034-client-defaults": {
    // This server asks on its standalone stream.
    args: ["--sse"],
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    configure: (client) =>
      client.setRequestHandler(
        "elicitation/create",
        () => ({ action: "accept", content: {} }),
      ),
    run: (client) => call(client, "test_client_elicitation_defaults"),
  },
  "sse-retry": { run: (client) => call(client, "test_reconnection") },
  "request-metadata": {
    capabilities: {
      roots: { listChanged: true },
      sampling: {},
      elicitation: {},
    },
    run: async (client) => void await client.listTools(),
  },
  "sep-2322-client-request-state": {
    capabilities: { elicitation: {} },
    configure: (client) =>
      client.setRequestHandler(
        "elicitation/create",
        () => ({ action: "accept", content: { confirmed: true } }),
      ),
    run: async (client) => {
      for (const what of ["echo_state", "no_state", "unrelated"]) {
        await call(client, `test_mrtr_${what}`);
      }
      // The SDK's client is stricter than the suite: it wants a result type.
      await call(client, "test_mrtr_no_result_type").catch(() => {});
    },
  },
  "http-standard-headers": {
    run: async (client) => {
      const { tools } = await client.listTools();
      for (const { name } of tools) await call(client, name);
      const { resources } = await client.listResources();
      for (const { uri } of resources) await client.readResource({ uri });
      const { prompts } = await client.listPrompts();
      for (const { name } of prompts) await client.getPrompt({ name });
    },
  },
  "http-custom-headers": {
    run: async (client, { context = '{"toolCalls":[]}' }) => {
      await client.listTools();
      const { toolCalls }: { toolCalls: AskedCall[] } = JSON.parse(context);
      for (const asked of toolCalls) await client.callTool({ ...asked });
    },
  },
  "http-invalid-tool-headers": {
    run: async (client) => {
      const { tools } = await client.listTools();
      for (const { name } of tools) {
        await client.callTool({ name, arguments: { region: "us-west1" } });
      }
    },
  },
  "json-schema-ref-no-deref": {
    run: async (client) => void await client.listTools(),
  },
  "json-schema-2020-12-preservation": {
    run: async (client) => {
      const { tools } = await client.listTools();
      const schema = tools.find(({ name }) =>
        name === "json_schema_2020_12_tool"
      )
        ?.inputSchema;
      await client.callTool({
        name: "json_schema_echo",
        arguments: { schema },
      });
    },
  },
};

async function call(client: Client, name: string): Promise<void> {
  await client.callTool({ name, arguments: {} });
}

/** Plays a scenario to its end. */
export async function play(asked: AskedPlay): Promise<void> {
  const { run, ...options } = PLAYS[asked.scenario];
  const isModern = asked.version === "2026-07-28";
  const peer: Sdk2Client = await sdk2Client({
    ...options,
    mode: isModern ? "auto" : "legacy",
    target: new URL(asked.target),
  });
  await using _ended = peer;
  const era = peer.client.getProtocolEra();
  if (era !== (isModern ? "modern" : "legacy")) {
    throw new Error(`the client landed in the ${era} era`);
  }
  await run(peer.client, asked);
}
