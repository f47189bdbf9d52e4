/**
 * Against real AWS: left out unless `AWS_LIVE_TARGET` names an MCP server that
 * the credentials of the environment may call.
 */
import { assert, assertStringIncludes } from "@std/assert";
import { sdkClient, type SdkClientOptions } from "../support/sdk/client.ts";

const target = URL.parse(Deno.env.get("AWS_LIVE_TARGET") ?? "");
const ignore = target === null;

const NAMES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
];

function launch(
  env: Record<string, string | undefined> = {},
): SdkClientOptions {
  if (target === null) throw new Error("AWS_LIVE_TARGET is no URL");
  const own = Object.fromEntries(
    NAMES.map((name) => [name, Deno.env.get(name)]),
  );
  return { target, bareArgs: [target.href], env: { ...own, ...env } };
}

Deno.test({
  name: "a client lists the tools of a target in AWS",
  ignore,
  async fn() {
    await using peer = await sdkClient(launch());
    const { tools } = await peer.client.listTools();
    assert(tools.length > 0, "the target has tools");
  },
});

Deno.test({
  name: "AWS refuses a wrong key, and the client is told so",
  ignore,
  async fn() {
    const wrong = { AWS_SECRET_ACCESS_KEY: "a-key-that-aws-does-not-know" };
    try {
      await using _peer = await sdkClient(launch(wrong));
    } catch (error) {
      const { cause } = error instanceof Error ? error : { cause: error };
      assertStringIncludes(String(cause), "-3101");
      return;
    }
    throw new Error("a wrong key was taken");
  },
});
