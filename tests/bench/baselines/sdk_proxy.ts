/**
 * A minimal proxy over the official SDK's own transports and the Smithy signer,
 * as a user would write it in an hour.
 */

// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/server/stdio"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../../../src/aws/signing/hash.ts";

const url = new URL(Deno.args[0]);
const signer = new SignatureV4({
  credentials: {
    accessKeyId: Deno.env.get("AWS_ACCESS_KEY_ID") ?? "",
    secretAccessKey: Deno.env.get("AWS_SECRET_ACCESS_KEY") ?? "",
  },
  region: "us-east-1",
  service: "execute-api",
  sha256: Sha256,
});

const target = new StreamableHTTPClientTransport(url, {
  fetch: async (input, init) => {
    const { headers } = await signer.sign({
      method: init?.method ?? "GET",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: {
        ...Object.fromEntries(new Headers(init?.headers)),
        host: url.host,
      },
      body: init?.body ?? undefined,
    });
    delete headers.host;
    return await fetch(input, { ...init, headers });
  },
});
const client = new StdioServerTransport();
target.onmessage = (message) => {
  if ("result" in message) {
    const { protocolVersion } = message.result;
    if (typeof protocolVersion === "string") {
      target.setProtocolVersion(protocolVersion);
    }
  }
  void client.send(message);
};
client.onmessage = (message) => {
  target.send(message).catch((error) => console.error(error));
};
client.onclose = () => Deno.exit(0);
await target.start();
await client.start();
