/**
 * Shared AWS files as they should not be. Whoever asks for credentials gets
 * some, or an error of the kind that says so, which shows no secret.
 * `tests/aws/shared_files/oracle_test.ts` compares what is read with botocore.
 */

import { createCredentialSource } from "../../src/aws/credentials/credentials.ts";
import { findCaBundle } from "../../src/aws/shared_files/shared_files.ts";
import { ConfigError, CredentialsError } from "../../src/errors.ts";
import { oddFiles } from "../aws/shared_files/odd_files.ts";
import type { Random } from "../support/random.ts";
import { wrong } from "./fuzzer.ts";
import { broken } from "./json_text.ts";
import { tempDir } from "../support/temp_dir.ts";

const SECRET = "shared/file+secret-that-nobody-is-shown";
const PROFILES = [undefined, "default", "prod", "app", "x y", "__proto__"];

/** A file of the generator's, with a key that is whole and a secret in it. */
function fileOf(
  random: Random,
  bytes: Uint8Array = new Uint8Array(),
): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes)
    // What is named there is run.
    .replaceAll("credential_process", "credential_processes");
  const lines = text.split("\n");
  const at = random.below(lines.length + 1);
  lines.splice(
    at,
    0,
    ...random.chance(0.5) ? [random.pick(["[default]", "[profile app]"])] : [],
    `aws_access_key_id${random.pick([" = ", "=", ":"])}AKIAFUZZ0000000000001`,
    `aws_secret_access_key = ${SECRET}`,
  );
  const whole = Uint8Array.from(
    lines.join("\n"),
    (char) => char.charCodeAt(0) & 0xff,
  );
  return random.chance(0.3) ? broken(random, whole) : whole;
}

/** Tries pairs of files. */
export async function fuzzSharedFiles(
  random: Random,
  cases: number,
): Promise<void> {
  await using home = await tempDir({ ".aws/config": "" });
  for (let left = cases; left > 0; left--) await tryOne(random, home.path);
}

async function tryOne(random: Random, home: string): Promise<void> {
  const odd = oddFiles(random.below(2 ** 31));
  const config = fileOf(random, odd.config);
  const credentials = fileOf(random, odd.credentials);
  await Deno.writeFile(`${home}/.aws/config`, config);
  await Deno.writeFile(`${home}/.aws/credentials`, credentials);
  const variables = new Map([
    ["HOME", home],
    ["AWS_PROFILE", random.pick(["", "app", "x y"])],
    ["AWS_EC2_METADATA_DISABLED", "true"],
  ]);
  const env = (name: string) => variables.get(name);
  const profile = random.pick(PROFILES);
  const files = {
    profile,
    config: text(config),
    credentials: text(credentials),
  };
  const noNetwork = () => Promise.reject(new TypeError("no network"));
  const source = createCredentialSource({ profile, env, fetch: noNetwork });
  await fails(files, CredentialsError, () => source.get());
  await fails(files, ConfigError, () => findCaBundle(profile, env));
}

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

async function fails(
  files: unknown,
  kind: typeof ConfigError | typeof CredentialsError,
  ask: () => Promise<unknown>,
): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof kind)) wrong(`it failed with ${error}`, files);
    if (error.message.includes(SECRET)) wrong("the secret is shown", files);
  }
}
