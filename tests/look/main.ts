/**
 * Draws the pictures in the README, from what the demo and the doctor print.
 *
 * @module
 */

import { startSts } from "../commands/sts_peer.ts";
import { SdkServer } from "../support/sdk_server.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/test_identity.ts";
import { drawTerminal } from "./terminal_svg.ts";

const ROOT = new URL("../../", import.meta.url);

async function outputOf(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`deno run -A ${args.join(" ")} has failed`);
  return new TextDecoder().decode(stdout);
}

async function save(name: string, svg: string): Promise<void> {
  await Deno.writeTextFile(new URL(`docs/${name}`, ROOT), svg);
  console.log(`docs/${name}`);
}

await save(
  "demo.svg",
  drawTerminal(
    "deno task demo",
    await outputOf(["tests/demo/main.ts"]),
    "A client drives a server that demands signatures, through the proxy",
  ),
);

await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
await using sts = await startSts();
const flags = ["--region", TEST_SCOPE.region, "--service", TEST_SCOPE.service];
const args = ["doctor", ...flags, server.url.href];
await save(
  "doctor.svg",
  drawTerminal(
    `sigv4-proxy ${args.join(" ")}`,
    await outputOf(["mod.ts", ...args], {
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_SESSION_TOKEN: TEST_CREDENTIALS.sessionToken,
      AWS_PROFILE: "",
      AWS_ENDPOINT_URL_STS: sts.origin.href,
      HTTP_PROXY: "",
      HTTPS_PROXY: "",
      ALL_PROXY: "",
    }),
    "Each step on the way to a target, with its time and what was found",
  ),
);
