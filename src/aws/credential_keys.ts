/**
 * Keys that stand somewhere in plain text: in variables, in a profile.
 *
 * @module
 */

import type { Profile, Settings } from "./credential_files.ts";
import { type Search, sourceFailed } from "./credential_search.ts";
import type { Credentials } from "./credentials.ts";

/** The variables that hold keys. */
export const KEY_VARIABLES: readonly string[] = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
];

/**
 * The keys in the environment.
 *
 * @returns `undefined` when `AWS_ACCESS_KEY_ID` is not set.
 * @throws {CredentialsError} The secret is missing, or the keys are over.
 */
export function environmentKeys(search: Search): Credentials | undefined {
  const source = "environment";
  const { env } = search;
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  const sessionToken = env("AWS_SESSION_TOKEN");
  search.redactor.addCredential(secretAccessKey);
  search.redactor.addCredential(sessionToken);
  if (accessKeyId === undefined) return undefined;
  if (secretAccessKey === undefined) {
    throw sourceFailed(
      search,
      source,
      "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not: set both or " +
        "neither",
    );
  }
  const until = env("AWS_CREDENTIAL_EXPIRATION");
  if (until === undefined) {
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  const expiration = new Date(until);
  if (Number.isNaN(expiration.getTime())) {
    throw sourceFailed(
      search,
      source,
      "AWS_CREDENTIAL_EXPIRATION is no ISO 8601 time",
    );
  }
  if (expiration.getTime() <= search.now()) {
    throw sourceFailed(
      search,
      source,
      `the keys expired at ${until} (AWS_CREDENTIAL_EXPIRATION): set fresh ` +
        "ones and start again, or use a profile, which is renewed",
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

/**
 * The keys in a profile.
 *
 * @param where Which of the profile's settings are meant: those of the
 * credentials file come before other kinds of source, the config file's after.
 * @returns `undefined` when there are none.
 * @throws {CredentialsError} One of the two is missing.
 */
export function profileKeys(
  search: Search,
  source: string,
  profile: Profile,
  where: keyof Profile,
): Credentials | undefined {
  const own: Settings = profile[where];
  if (
    !own.has("aws_access_key_id") && !own.has("aws_secret_access_key")
  ) return undefined;
  const accessKeyId = profile.settings.get("aws_access_key_id");
  const secretAccessKey = profile.settings.get("aws_secret_access_key");
  const sessionToken = profile.settings.get("aws_session_token") ??
    profile.settings.get("aws_security_token");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const [there, not] = accessKeyId === undefined
      ? ["aws_secret_access_key", "aws_access_key_id"]
      : ["aws_access_key_id", "aws_secret_access_key"];
    throw sourceFailed(
      search,
      source,
      `${there} is set, ${not} is not: run \`aws configure\` for the profile`,
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}
