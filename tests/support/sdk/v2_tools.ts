/**
 * An MCP server with a little of everything that both eras carry, built with
 * version 2 of the official SDK.
 */

import {
  acceptedContent,
  type CallToolResult,
  inputRequired,
  type InputRequiredResult,
  McpServer,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Cues } from "./cues.ts";

/** The resource that clients may subscribe to. */
export const WATCHED_URI = "test://watched";

const ANSWER = z.object({ name: z.string() });

/**
 * Makes servers, for one session or one request each.
 *
 * Tools: `add`, `era`, `route`, `slow`, `ask`.
 *
 * @param cues What its tools wait for and tell.
 * @returns What makes a server for an era.
 */
export function serverFactory(cues: Cues): McpServerFactory {
  return ({ era }) => {
    const mcp = new McpServer({ name: "test-server-2", version: "2.0.0" }, {
      capabilities: {
        resources: { subscribe: true, listChanged: true },
        tools: { listChanged: true },
        prompts: { listChanged: true },
      },
      instructions: "For tests.",
    });
    addTools(mcp, era);
    addSlowTool(mcp, cues);
    addAskingTool(mcp);
    mcp.registerResource("watched", WATCHED_URI, {}, ({ href }) => ({
      contents: [{ uri: href, text: "what is watched" }],
    }));
    mcp.registerPrompt("greet", {
      argsSchema: z.object({ name: z.string() }),
    }, ({ name }) => ({
      messages: [{
        role: "user",
        content: { type: "text", text: `Hello, ${name}` },
      }],
    }));
    return mcp;
  };
}

function addTools(mcp: McpServer, era: string): void {
  mcp.registerTool("add", {
    description: "Adds two numbers.",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
  }, ({ a, b }) => textResult(`${a + b}`));
  mcp.registerTool("era", {
    description: "Tells the era that it is called in.",
    inputSchema: z.object({}),
  }, () => textResult(era));
  mcp.registerTool("route", {
    description: "Wants its arguments in headers, too.",
    inputSchema: z.object({
      region: z.string().meta({ "x-mcp-header": "Region" }),
      level: z.int().optional().meta({ "x-mcp-header": "Level" }),
      dry: z.boolean().optional().meta({ "x-mcp-header": "Dry" }),
    }),
  }, ({ region }) => textResult(region));
}

function addSlowTool(mcp: McpServer, cues: Cues): void {
  mcp.registerTool("slow", {
    description: "Reports progress, and answers on cue.",
    inputSchema: z.object({}),
  }, async (_args, { mcpReq }) => {
    const call = { tool: "slow", requestId: mcpReq.id };
    cues.started.add(call);
    const { signal } = mcpReq;
    signal.addEventListener(
      "abort",
      () => cues.cancelled.add({ ...call, reason: String(signal.reason) }),
      { once: true },
    );
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken !== undefined) {
      await mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress: 1 },
      });
    }
    await cues.step(signal);
    return textResult("done");
  });
}

function addAskingTool(mcp: McpServer): void {
  mcp.registerTool("ask", {
    description: "Asks the user for a name.",
    inputSchema: z.object({}),
  }, (_args, { mcpReq }): CallToolResult | InputRequiredResult => {
    const answer = acceptedContent(mcpReq.inputResponses, "name", ANSWER);
    if (answer) return textResult(`It is ${answer.name}`);
    const question = { message: "Your name?", requestedSchema: ANSWER };
    return inputRequired({
      inputRequests: { name: inputRequired.elicit(question) },
    });
  });
}

function textResult(text: string): CallToolResult {
  return { content: [{ type: "text", text }] };
}
