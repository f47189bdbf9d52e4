/**
 * Keys that stand somewhere in plain text: in variables, in a profile.
 *
 * @module
 */

import type { Settings } from "../../shared_files/settings.ts";
import type { Credentials } from "../types.ts";
import {
  demandEnv,
  profileUnclear,
  type Search,
  sourceFailed,
} from "../search.ts";
import { demandSendable } from "../text.ts";
import { parseTimestamp } from "./timestamp.ts";

/** The variables that hold keys. */
export const KEY_VARIABLES: readonly string[] = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
];

/**
 * Whether the keys of the environment are what signs: they come before all but
 * a profile that was asked for outright.
 */
export function environmentDecides(
  profile: string | undefined,
  env: (name: string) => string | undefined,
): boolean {
  return profile === undefined && Boolean(env("AWS_ACCESS_KEY_ID"));
}

/**
 * The keys in the environment.
 *
 * @returns `undefined` when `AWS_ACCESS_KEY_ID` is not set.
 * @throws {CredentialsError} The secret is missing, or the keys are over.
 */
export function environmentKeys(search: Search): Credentials | undefined {
  const { env } = search;
  demandEnv(search, KEY_VARIABLES, "read the keys");
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  // The AWS CLI takes the older name first.
  const tokenName = env("AWS_SECURITY_TOKEN") === undefined
    ? "AWS_SESSION_TOKEN"
    : "AWS_SECURITY_TOKEN";
  const sessionToken = env(tokenName);
  search.redactor.addCredential(secretAccessKey);
  search.redactor.addCredential(sessionToken);
  if (accessKeyId === undefined) return undefined;
  if (secretAccessKey === undefined) {
    throw sourceFailed(
      search,
      "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not: set both or " +
        "neither",
    );
  }
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  demandSendable(search, keys, {
    accessKeyId: "AWS_ACCESS_KEY_ID",
    secretAccessKey: "AWS_SECRET_ACCESS_KEY",
    sessionToken: tokenName,
  });
  const until = env("AWS_CREDENTIAL_EXPIRATION");
  if (until === undefined) return keys;
  const expiration = parseTimestamp(until);
  if (expiration === undefined) {
    throw sourceFailed(
      search,
      "AWS_CREDENTIAL_EXPIRATION is no ISO 8601 time",
    );
  }
  if (expiration.getTime() <= search.now()) {
    throw sourceFailed(
      search,
      `the keys expired at ${until} (AWS_CREDENTIAL_EXPIRATION): set fresh ` +
        "ones and start again, or use a profile, which is renewed",
    );
  }
  return { ...keys, expiration };
}

/**
 * The keys in a profile, of one of its files or of both.
 *
 * @returns `undefined` when there are none.
 * @throws {UnclearFilesError} One of the two is missing or empty.
 */
export function profileKeys(
  search: Search,
  settings: Settings,
): Credentials | undefined {
  const names = ["aws_access_key_id", "aws_secret_access_key"];
  const there = names.find((name) => settings.has(name));
  if (there === undefined) return undefined;
  const [accessKeyId, secretAccessKey] = names.map((name) =>
    settings.get(name)
  );
  // The AWS CLI takes the older name first.
  const tokenName = settings.has("aws_security_token")
    ? "aws_security_token"
    : "aws_session_token";
  if (accessKeyId && secretAccessKey) {
    const sessionToken = settings.get(tokenName) || undefined;
    const placed = (name: string) => `${name} (${settings.origin(name)})`;
    return demandSendable(
      search,
      { accessKeyId, secretAccessKey, sessionToken },
      {
        accessKeyId: placed("aws_access_key_id"),
        secretAccessKey: placed("aws_secret_access_key"),
        sessionToken: placed(tokenName),
      },
    );
  }
  const lacking = names.filter((name) => !settings.get(name));
  const state = lacking.map((name) =>
    settings.has(name) ? `${name} is empty` : `${name} is not set`
  );
  throw profileUnclear(
    search,
    `${settings.origin(there)}: ${state.join(", ")}: run \`aws configure\` ` +
      "for the profile",
  );
}
