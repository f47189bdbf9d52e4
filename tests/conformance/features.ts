/**
 * What the conformance suite asks of a server by name: tools, resources,
 * prompts, and what they do.
 */

import {
  type CallToolResult,
  McpServer,
  ResourceTemplate,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { addRounds, type RequestStates } from "./rounds.ts";
import { addAskingTools, NOTHING, text } from "./asking_tools.ts";

/** Tells those who listen that a list has changed. */
export interface Publish {
  toolsChanged(): void;
  promptsChanged(): void;
}

/** A picture and a sound, as small as they get. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";
const SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

type Content = CallToolResult["content"];

/**
 * Makes a server for one session or one request.
 *
 * @param states What mints and checks the state of calls in rounds.
 * @param publish Where changed lists are told.
 * @returns The server, not yet connected.
 */
export function featuredServer(
  states: RequestStates,
  publish: Publish,
): McpServer {
  const mcp = new McpServer({ name: "featured", version: "1.0.0" }, {
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
    },
    requestState: { verify: states.verify },
  });
  addContentTools(mcp);
  addTalkingTools(mcp);
  addAskingTools(mcp);
  addDiagnosticTools(mcp, publish);
  addResources(mcp);
  addPrompts(mcp);
  addRounds(mcp, states);
  const none = { completion: { values: [], total: 0, hasMore: false } };
  mcp.server.setRequestHandler("completion/complete", () => none);
  return mcp;
}

/** Tools that only give something back. */
const CONTENTS: Readonly<Record<string, Content>> = {
  test_simple_text: [text("This is a simple text response for testing.")],
  test_image_content: [{ type: "image", data: PIXEL, mimeType: "image/png" }],
  test_audio_content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }],
  test_embedded_resource: [{
    type: "resource",
    resource: {
      uri: "test://embedded-resource",
      mimeType: "text/plain",
      text: "This is an embedded resource content.",
    },
  }],
  test_multiple_content_types: [
    text("Multiple content types test:"),
    { type: "image", data: PIXEL, mimeType: "image/png" },
    {
      type: "resource",
      resource: {
        uri: "test://mixed-content-resource",
        mimeType: "application/json",
        text: JSON.stringify({ test: "data", value: 123 }),
      },
    },
  ],
  test_streaming_elicitation: [text("nothing is asked for")],
};

function addContentTools(mcp: McpServer): void {
  for (const [name, content] of Object.entries(CONTENTS)) {
    mcp.registerTool(name, { description: `Gives ${name}.` }, () => ({
      content,
    }));
  }
  mcp.registerTool("test_error_handling", {
    description: "Throws.",
    inputSchema: NOTHING,
  }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
}

/** Tools that say something while they run. */
function addTalkingTools(mcp: McpServer): void {
  mcp.registerTool("test_tool_with_logging", {
    description: "Logs three times.",
    inputSchema: NOTHING,
  }, async (_args, { mcpReq }) => {
    for (const what of ["started", "processing", "completed"]) {
      const data = what === "processing"
        ? "Tool processing data"
        : `Tool execution ${what}`;
      await mcpReq.notify({
        method: "notifications/message",
        params: { level: "info", data },
      });
    }
    return { content: [text("logged")] };
  });
  mcp.registerTool("test_tool_with_progress", {
    description: "Reports progress three times.",
    inputSchema: NOTHING,
  }, async (_args, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total: 100 },
      });
    }
    return { content: [text(`progress of ${progressToken}`)] };
  });
  mcp.registerTool("test_logging_tool", {
    description: "Logs to those who asked for a level.",
    inputSchema: NOTHING,
  }, async (_args, { mcpReq }) => {
    await mcpReq.log("info", "only for those who asked");
    return { content: [text("logged")] };
  });
}

function addDiagnosticTools(mcp: McpServer, publish: Publish): void {
  mcp.registerTool("test_x_mcp_header", {
    description: "Wants an argument in a header, too.",
    inputSchema: z.object({
      region: z.string().optional().meta({ "x-mcp-header": "Region" }),
    }),
  }, ({ region }) => ({ content: [text(`region ${region}`)] }));
  mcp.registerTool("test_reconnection", {
    description: "Ends its stream before it answers.",
    inputSchema: NOTHING,
  }, (_args, { http }) => {
    http?.closeSSE?.();
    return { content: [text("after the stream was resumed")] };
  });
  mcp.registerTool("test_trigger_tool_change", {
    description: "Says that the tools have changed.",
    inputSchema: NOTHING,
  }, () => {
    publish.toolsChanged();
    return { content: [text("said")] };
  });
  mcp.registerTool("test_trigger_prompt_change", {
    description: "Says that the prompts have changed.",
    inputSchema: NOTHING,
  }, () => {
    publish.promptsChanged();
    return { content: [text("said")] };
  });
}

function addResources(mcp: McpServer): void {
  const plain: Readonly<Record<string, string>> = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "what is watched",
  };
  for (const [uri, text] of Object.entries(plain)) {
    const mimeType = "text/plain";
    mcp.registerResource(uri, uri, { description: "Text.", mimeType }, () => ({
      contents: [{ uri, mimeType, text }],
    }));
  }
  const uri = "test://static-binary";
  const mimeType = "image/png";
  mcp.registerResource(uri, uri, { description: "Bytes.", mimeType }, () => ({
    contents: [{ uri, mimeType, blob: PIXEL }],
  }));
  mcp.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "By its ID.", mimeType: "application/json" },
    ({ href: uri }, { id }) => ({
      contents: [{
        uri,
        mimeType: "application/json",
        text: JSON.stringify({
          id,
          templateTest: true,
          data: `Data for ID: ${id}`,
        }),
      }],
    }),
  );
  mcp.server.setRequestHandler("resources/subscribe", () => ({}));
  mcp.server.setRequestHandler("resources/unsubscribe", () => ({}));
}

function addPrompts(mcp: McpServer): void {
  mcp.registerPrompt("test_simple_prompt", {
    description: "Says something.",
  }, () => said(text("This is a simple prompt for testing.")));
  mcp.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "Says what it is given.",
      argsSchema: z.object({ arg1: z.string(), arg2: z.string() }),
    },
    ({ arg1, arg2 }) =>
      said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  mcp.registerPrompt("test_prompt_with_embedded_resource", {
    description: "Shows a resource.",
    argsSchema: z.object({ resourceUri: z.string() }),
  }, ({ resourceUri }) =>
    said({
      type: "resource",
      resource: {
        uri: resourceUri,
        mimeType: "text/plain",
        text: "Embedded resource content for testing.",
      },
    }, text("Please process the embedded resource above.")));
  mcp.registerPrompt("test_prompt_with_image", {
    description: "Shows a picture.",
  }, () =>
    said(
      { type: "image", data: PIXEL, mimeType: "image/png" },
      text("Please analyze the image above."),
    ));
}

function said(...contents: Content): {
  messages: { role: "user"; content: Content[number] }[];
} {
  return {
    messages: contents.map((content) => ({ role: "user", content })),
  };
}
