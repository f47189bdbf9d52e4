/** Tools of the conformance suite that ask the client for something. */

import type {
  ElicitRequestFormParams,
  McpServer,
  ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";

export const NOTHING = z.object({});

/** Forms with a default for each kind of field, and each way to choose. */
const FORMS: Readonly<Record<string, ElicitRequestFormParams>> = {
  test_elicitation_sep1034_defaults: {
    message: "Who are you?",
    requestedSchema: {
      type: "object",
      properties: {
        name: { type: "string", default: "John Doe" },
        age: { type: "integer", default: 30 },
        score: { type: "number", default: 95.5 },
        status: {
          type: "string",
          enum: ["active", "inactive", "pending"],
          default: "active",
        },
        verified: { type: "boolean", default: true },
      },
    },
  },
  test_elicitation_sep1330_enums: {
    message: "Which ones?",
    requestedSchema: {
      type: "object",
      properties: {
        untitledSingle: { type: "string", enum: words("option") },
        titledSingle: { type: "string", oneOf: titled("Option") },
        legacyEnum: {
          type: "string",
          enum: words("opt"),
          enumNames: ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti: {
          type: "array",
          items: { type: "string", enum: words("option") },
        },
        titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
      },
    },
  },
};

function words(stem: string): string[] {
  return [1, 2, 3].map((number) => `${stem}${number}`);
}

function titled(noun: string): { const: string; title: string }[] {
  const ordinals = ["First", "Second", "Third"];
  return ordinals.map((ordinal, index) => ({
    const: `value${index + 1}`,
    title: `${ordinal} ${noun}`,
  }));
}

/** Tools that ask the client, as servers could up to 2025-11-25. */
export function addAskingTools(mcp: McpServer): void {
  mcp.registerTool("test_sampling", {
    description: "Asks the client's model.",
    inputSchema: z.object({ prompt: z.string() }),
  }, async ({ prompt }, { mcpReq }) => {
    const { content } = await mcpReq.send({
      method: "sampling/createMessage",
      params: {
        messages: [{ role: "user", content: text(prompt) }],
        maxTokens: 100,
      },
    });
    const said = !Array.isArray(content) && content.type === "text"
      ? content.text
      : JSON.stringify(content);
    return { content: [text(`LLM response: ${said}`)] };
  });
  mcp.registerTool("test_elicitation", {
    description: "Asks the user.",
    inputSchema: z.object({ message: z.string() }),
  }, async ({ message }, { mcpReq }) => {
    const properties = {
      username: { type: "string" as const },
      email: { type: "string" as const },
    };
    const said = await elicit(mcpReq, {
      message,
      requestedSchema: {
        type: "object",
        properties,
        required: Object.keys(properties),
      },
    });
    return { content: [text(`User response: ${said}`)] };
  });
  for (const [name, form] of Object.entries(FORMS)) {
    mcp.registerTool(name, {
      description: "Asks the user with a form.",
      inputSchema: NOTHING,
    }, async (_args, { mcpReq }) => {
      const said = await elicit(mcpReq, form);
      return { content: [text(`Elicitation completed: ${said}`)] };
    });
  }
}

async function elicit(
  mcpReq: ServerContext["mcpReq"],
  params: ElicitRequestFormParams,
): Promise<string> {
  const { action, content = {} } = await mcpReq.send({
    method: "elicitation/create",
    params,
  });
  return `action=${action}, content=${JSON.stringify(content)}`;
}

export function text(text: string): { type: "text"; text: string } {
  return { type: "text", text };
}
