/** Keys as they stand somewhere: in variables, in a profile, in JSON. */

import { type JsonRecord, textIn } from "../../../json.ts";
import type { Settings } from "../../shared_files/settings.ts";
import { type Credentials, hideCredentials } from "../types.ts";
import type { Found, Search } from "../search.ts";
import { demandSendable, type KeyNames } from "../text.ts";
import { parseTimestamp } from "./timestamp.ts";

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

export function environmentKeys(search: Search): Found {
  const { env } = search;
  search.demandEnv(KEY_VARIABLES, "read the keys");
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  // The AWS CLI takes the older name first.
  const tokenName = env("AWS_SECURITY_TOKEN") === undefined
    ? "AWS_SESSION_TOKEN"
    : "AWS_SECURITY_TOKEN";
  const sessionToken = env(tokenName);
  hideCredentials(search.redactor, { secretAccessKey, sessionToken });
  if (accessKeyId === undefined) {
    return secretAccessKey === undefined
      ? "AWS_ACCESS_KEY_ID is not set"
      : "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not";
  }
  if (secretAccessKey === undefined) {
    throw search.failed(
      "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not: set both or " +
        "neither",
    );
  }
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  demandSendable(search, keys, [...names, tokenName]);
  const name = "AWS_CREDENTIAL_EXPIRATION";
  const until = env(name);
  return untilTheirEnd(search, keys, until, {
    wrong: `${name} is no ISO 8601 time`,
    over: () =>
      `the keys expired at ${until} (${name}): set fresh ones and start ` +
      "again, or use a profile, which is renewed",
  });
}

/** Keys with their end, if they have one, and it is a time to come. */
export function untilTheirEnd(
  search: Search,
  keys: Credentials,
  end: unknown,
  says: { readonly wrong: string; over(): string },
): Credentials {
  if (end === undefined || end === null) return keys;
  const expiration = parseTimestamp(end);
  if (expiration === undefined) throw search.failed(says.wrong);
  if (expiration.getTime() > search.now()) return { ...keys, expiration };
  throw search.failed(says.over());
}

/** Keys in JSON; none if the ID or the secret is missing. */
export function keysIn(
  record: JsonRecord,
  names: KeyNames,
): Credentials | undefined {
  const [accessKeyId, secretAccessKey, sessionToken] = names
    .map((name) => textIn(record, name));
  return accessKeyId === undefined || secretAccessKey === undefined
    ? undefined
    : { accessKeyId, secretAccessKey, sessionToken };
}

/** The keys in a profile that has some, in one of its files or both. */
export function profileKeys(search: Search, settings: Settings): Credentials {
  const names = ["aws_access_key_id", "aws_secret_access_key"] as const;
  const [accessKeyId, secretAccessKey] = names
    .map((name) => settings.get(name));
  // The AWS CLI takes the older name first.
  const tokenName = settings.has("aws_security_token")
    ? "aws_security_token"
    : "aws_session_token";
  if (accessKeyId && secretAccessKey) {
    const sessionToken = settings.get(tokenName) || undefined;
    const keys = { accessKeyId, secretAccessKey, sessionToken };
    const [id, secret, token] = [...names, tokenName].map((name) =>
      `${name} (${settings.origin(name)})`
    );
    return demandSendable(search, keys, [id, secret, token]);
  }
  const there = names.find((name) => settings.has(name)) ?? "";
  const state = names.filter((name) => !settings.get(name)).map((name) =>
    settings.has(name) ? `${name} is empty` : `${name} is not set`
  );
  throw search.unclear(
    `${settings.origin(there)}: ${state.join(", ")}: run \`aws configure\` ` +
      "for the profile",
  );
}
