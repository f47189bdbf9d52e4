import { assertEquals, assertStringIncludes } from "@std/assert";
import { SOURCE_FLAGS } from "../source_flags.ts";
import { keysOf } from "../../../support/aws/credential_peers.ts";
import type { Probed, Probing, World } from "../world.ts";

export const ROLE = "arn:aws:iam::123456789012:role/r";

export const ENV_KEYS = {
  AWS_ACCESS_KEY_ID: keysOf("env").accessKeyId,
  AWS_SECRET_ACCESS_KEY: keysOf("env").secretAccessKey,
};

/** A refusal that says why and which flags are missing. */
export async function assertLacks(
  world: World,
  probing: Probing,
  why: string,
  flags: string[],
): Promise<Probed> {
  const probed = await world.probe(probing);
  assertStringIncludes(probed.message ?? "no failure", why);
  assertEquals(probed.data?.flags, flags);
  for (const flag of flags) assertStringIncludes(probed.message ?? "", flag);
  assertEquals(probed.data?.configured, true);
  return probed;
}

export const SDK_ENV_FLAG = SOURCE_FLAGS.role[0];
