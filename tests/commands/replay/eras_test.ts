/** Recordings of both eras, each played by the same program. */
import { mcp, result, Sessions } from "../../support/raw/mcp.ts";
import type { RawHandler } from "../../support/raw/server.ts";
import { CALL, testKinds, TEXT } from "./kinds.ts";

/** The same call in the era without sessions. */
const STATELESS = {
  ...CALL,
  _meta: {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  },
};

/** A target of the era without sessions. */
const stateless = (): RawHandler =>
  mcp({
    "server/discover": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: {} },
        serverInfo: { name: "raw", version: "1" },
      })),
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        ttlMs: 0,
        cacheScope: "private",
        tools: [{
          name: "work",
          inputSchema: {
            type: "object",
            properties: {
              on: { type: "string", "x-mcp-header": "On" },
              times: { type: "number" },
            },
          },
        }],
      })),
    "tools/call": (message, reply) =>
      reply.json(result(message, { resultType: "complete", ...TEXT })),
  });

testKinds({
  "the era without sessions": {
    target: stateless,
    client: async (proxy) => {
      const { _meta } = STATELESS;
      await proxy.request("server/discover", { _meta });
      await proxy.request("tools/list", { _meta });
      await proxy.request("tools/call", STATELESS);
      await proxy.request("tools/call", {
        ...STATELESS,
        arguments: { on: "a thong", times: 12 },
      });
      await proxy.request("resources/read", { _meta, uri: "file:///a/ü" });
    },
  },
  "a client of the era with sessions at a target without": {
    target: stateless,
    client: async (proxy) => {
      await proxy.initialize();
      await proxy.request("tools/list");
      await proxy.request("tools/call", CALL);
      await proxy.request("ping");
    },
    args: ["--bridge"],
  },
  "a client of the era without sessions at a target with them": {
    target: () => mcp({}, new Sessions()),
    client: async (proxy) => {
      const { _meta } = STATELESS;
      await proxy.request("server/discover", { _meta });
      await proxy.request("tools/list", { _meta });
      await proxy.request("tools/call", STATELESS);
    },
    args: ["--bridge"],
  },
});
