/**
 * An MCP server with one of everything that the protocol carries, built with
 * the official SDK.
 */

// @ts-types="@modelcontextprotocol/sdk/server/completable"
import { completable } from "@modelcontextprotocol/sdk/server/completable.js";
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import {
  McpServer,
  ResourceTemplate,
} from "@modelcontextprotocol/sdk/server/mcp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/protocol"
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  type CallToolResult,
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  RootsListChangedNotificationSchema,
  type ServerNotification,
  type ServerRequest,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import type { Cues } from "./cues.ts";

/** The static resource, which clients may subscribe to. */
export const STATIC_URI = "test://static";

/** The longest wait for a client's answer to a request of the server. */
const CLIENT_ANSWER_MS = 10_000;

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** One session's server, and what its client subscribed to. */
export interface TestServer {
  readonly mcp: McpServer;
  readonly subscriptions: ReadonlySet<string>;
}

/**
 * Makes a server for one session.
 *
 * Tools: `echo`, `add`, `slow`, `hang`, `log`, `ask`, `elicit`, `roots`, `fail`.
 *
 * @param cues What its tools wait for and tell.
 * @returns The server, not yet connected.
 */
export function createTestServer(cues: Cues): TestServer {
  const subscriptions = new Set<string>();
  const mcp = new McpServer({ name: "test-server", version: "1.0.0" }, {
    capabilities: {
      logging: {},
      completions: {},
      resources: { subscribe: true, listChanged: true },
      tools: { listChanged: true },
      prompts: { listChanged: true },
    },
    instructions: "For tests.",
  });
  addPlainTools(mcp, cues);
  addLongTools(mcp, cues);
  addAskingTools(mcp, cues);
  addResources(mcp);
  addPrompts(mcp);
  addSubscriptions(mcp, cues, subscriptions);
  mcp.server.oninitialized = () =>
    cues.notified.add("notifications/initialized");
  mcp.server.setNotificationHandler(
    RootsListChangedNotificationSchema,
    ({ method }) => cues.notified.add(method),
  );
  return { mcp, subscriptions };
}

function addPlainTools(mcp: McpServer, cues: Cues): void {
  mcp.registerTool("echo", {
    description: "Gives back `text`, as often as `times`, or any JSON `value`.",
    inputSchema: {
      text: z.string().optional(),
      times: z.number().int().optional(),
      value: z.unknown().optional(),
    },
  }, ({ text, times = 1, value }, extra) => {
    start(cues, "echo", extra);
    if (text !== undefined) return textResult(text.repeat(times));
    return {
      ...textResult(JSON.stringify(value)),
      structuredContent: { value },
    };
  });
  mcp.registerTool("add", {
    description: "Adds two numbers.",
    inputSchema: { a: z.number(), b: z.number() },
    outputSchema: { sum: z.number() },
  }, ({ a, b }, extra) => {
    start(cues, "add", extra);
    return { ...textResult(`${a + b}`), structuredContent: { sum: a + b } };
  });
  mcp.registerTool("fail", {
    description: "Throws.",
    inputSchema: { message: z.string() },
  }, ({ message }, extra): CallToolResult => {
    start(cues, "fail", extra);
    throw new Error(message);
  });
}

function addLongTools(mcp: McpServer, cues: Cues): void {
  mcp.registerTool("slow", {
    description: "Reports progress at each of `steps`, on cue or at once; " +
      "ends its event stream after step `cutAfter`, for the client to resume.",
    inputSchema: {
      steps: z.number().int(),
      onCue: z.boolean().optional(),
      cutAfter: z.number().int().optional(),
    },
  }, async ({ steps, onCue = false, cutAfter }, extra) => {
    start(cues, "slow", extra);
    watchCancellation(cues, "slow", extra);
    const progressToken = extra._meta?.progressToken;
    for (let step = 1; step <= steps; step++) {
      if (onCue) await cues.step(extra.signal);
      if (progressToken !== undefined) {
        await extra.sendNotification({
          method: "notifications/progress",
          params: {
            progressToken,
            progress: step,
            total: steps,
            message: `step ${step}`,
          },
        });
      }
      if (step === cutAfter) extra.closeSSEStream?.();
    }
    return textResult(`${steps} steps`);
  });
  mcp.registerTool("hang", {
    description: "Never answers.",
  }, (extra) => {
    start(cues, "hang", extra);
    watchCancellation(cues, "hang", extra);
    const { promise, reject } = Promise.withResolvers<CallToolResult>();
    extra.signal.addEventListener("abort", () => reject(new Error("over")));
    return promise;
  });
  mcp.registerTool("log", {
    description:
      "Sends `count` log messages with the answer, or, filtered by " +
      "the level that the client set, on the standalone stream.",
    inputSchema: {
      level: z.enum(["debug", "info", "warning", "error"]).optional(),
      count: z.number().int().optional(),
      standing: z.boolean().optional(),
    },
  }, async ({ level = "info", count = 1, standing = false }, extra) => {
    start(cues, "log", extra);
    for (let i = 0; i < count; i++) {
      const params = { level, logger: "test", data: { line: i } };
      if (standing) await mcp.sendLoggingMessage(params, extra.sessionId);
      else {
        await extra.sendNotification({
          method: "notifications/message",
          params,
        });
      }
    }
    return textResult(`${count} lines`);
  });
}

/** Requests to the client, on the call's own stream or on the standing one. */
function addAskingTools(mcp: McpServer, cues: Cues): void {
  const standing = z.boolean().optional();
  const options = { timeout: CLIENT_ANSWER_MS };
  mcp.registerTool("ask", {
    description: "Has the client sample a message.",
    inputSchema: { prompt: z.string(), standing },
  }, async ({ prompt, standing }, extra) => {
    start(cues, "ask", extra);
    const params = {
      messages: [{
        role: "user" as const,
        content: { type: "text" as const, text: prompt },
      }],
      maxTokens: 100,
    };
    const result = standing
      ? await mcp.server.createMessage(params, options)
      : await extra.sendRequest(
        { method: "sampling/createMessage", params },
        CreateMessageResultSchema,
        options,
      );
    return textResult(JSON.stringify(result));
  });
  mcp.registerTool("elicit", {
    description: "Has the client ask its user for a name.",
    inputSchema: { message: z.string(), standing },
  }, async ({ message, standing }, extra) => {
    start(cues, "elicit", extra);
    const params = {
      mode: "form" as const,
      message,
      requestedSchema: {
        type: "object" as const,
        properties: { name: { type: "string" as const } },
        required: ["name"],
      },
    };
    const result = standing
      ? await mcp.server.elicitInput(params, options)
      : await extra.sendRequest(
        { method: "elicitation/create", params },
        ElicitResultSchema,
        options,
      );
    return textResult(JSON.stringify(result));
  });
  mcp.registerTool("roots", {
    description: "Asks the client for its roots.",
    inputSchema: { standing },
  }, async ({ standing }, extra) => {
    start(cues, "roots", extra);
    const result = standing
      ? await mcp.server.listRoots(undefined, options)
      : await extra.sendRequest(
        { method: "roots/list" },
        ListRootsResultSchema,
        options,
      );
    return textResult(JSON.stringify(result));
  });
}

function addResources(mcp: McpServer): void {
  mcp.registerResource(
    "static",
    STATIC_URI,
    { mimeType: "text/plain" },
    (uri) => ({ contents: [{ uri: uri.href, text: "static text" }] }),
  );
  mcp.registerResource(
    "item",
    new ResourceTemplate("test://item/{id}", {
      list: () => ({
        resources: ["1", "2"].map((id) => ({
          name: `item ${id}`,
          uri: `test://item/${id}`,
        })),
      }),
      complete: {
        id: (value) => ["1", "10", "2"].filter((id) => id.startsWith(value)),
      },
    }),
    {},
    (uri, { id }) => ({
      contents: [{ uri: uri.href, text: `item ${String(id)}` }],
    }),
  );
}

function addPrompts(mcp: McpServer): void {
  mcp.registerPrompt("greet", {
    description: "Greets someone.",
    argsSchema: {
      name: completable(
        z.string(),
        (value) => ["Ada", "Alan", "Grace"].filter((n) => n.startsWith(value)),
      ),
      greeting: z.string().optional(),
    },
  }, ({ name, greeting = "Hello" }) => ({
    messages: [{
      role: "user",
      content: { type: "text", text: `${greeting}, ${name}` },
    }],
  }));
}

function addSubscriptions(
  mcp: McpServer,
  cues: Cues,
  subscriptions: Set<string>,
): void {
  mcp.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscriptions.add(params.uri);
    cues.subscribed.add({ uri: params.uri, isOn: true });
    return {};
  });
  mcp.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscriptions.delete(params.uri);
    cues.subscribed.add({ uri: params.uri, isOn: false });
    return {};
  });
}

function textResult(text: string): CallToolResult {
  return { content: [{ type: "text", text }] };
}

function start(cues: Cues, tool: string, { requestId }: Extra): void {
  cues.started.add({ tool, requestId });
}

function watchCancellation(
  cues: Cues,
  tool: string,
  { requestId, signal }: Extra,
): void {
  signal.addEventListener("abort", () => {
    cues.cancelled.add({ tool, requestId, reason: String(signal.reason) });
  }, { once: true });
}
