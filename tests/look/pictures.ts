/** What the pictures in the README show: the demo and the doctor, run. */

import { startSts } from "../commands/doctor/sts_peer.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { systemVariables } from "../support/program/system_variables.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { outcomeOf } from "../support/program/outcome.ts";

/** A command and what it printed. */
export interface Picture {
  /** The file, in `docs/`. */
  readonly file: string;
  /** What was typed. */
  readonly command: string;
  /** What came of it, without colours. */
  readonly output: string;
  /** What is to be seen, for those who do not see it. */
  readonly title: string;
}

/** The root of the package. */
export const ROOT = new URL("../../", import.meta.url);

/** Runs the demo. */
export async function demoPicture(): Promise<Picture> {
  return {
    file: "demo.svg",
    command: "deno task demo",
    output: await outputOf(["tests/demo/demo.ts"]),
    title:
      "A client drives a server that demands signatures, through the proxy",
  };
}

/** Runs the doctor against a server and an STS on loopback. */
export async function doctorPicture(): Promise<Picture> {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  const { region, service } = TEST_SCOPE;
  const flags = ["--region", region, "--service", service];
  const args = ["doctor", ...flags, server.url.href];
  return {
    file: "doctor.svg",
    command: `sigv4-proxy ${args.join(" ")}`,
    output: await outputOf(["mod.ts", ...args], {
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_SESSION_TOKEN: TEST_CREDENTIALS.sessionToken,
      AWS_ENDPOINT_URL_STS: sts.origin.href,
    }),
    title: "Each step on the way to a target, with its time and what was found",
  };
}

async function outputOf(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(Deno.execPath(), {
    args: ["run", "-A", "--frozen", "--cached-only", ...args],
    cwd: ROOT,
    clearEnv: true,
    env: {
      ...systemVariables(),
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      ...env,
    },
  });
  if (code !== 0) throw new Error(`deno run -A ${args.join(" ")}: ${stderr}`);
  return stdout;
}
