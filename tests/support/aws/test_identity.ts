/** Who the tests are: one principal, known to every gate. */

import type { VerifierOptions } from "../sigv4/verifier.ts";

/** The credentials that programs under test are given. */
export const TEST_CREDENTIALS = {
  accessKeyId: "AKIDTESTPRINCIPAL001",
  secretAccessKey: "a-secret-that-only-tests-know",
  sessionToken: "a/session+token=that/only+tests/know==",
} as const;

/** Keys, as settings of a profile in the shared files. */
export function keySettings(
  { accessKeyId, secretAccessKey, sessionToken }: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  },
): string {
  const token = sessionToken && `aws_session_token = ${sessionToken}\n`;
  return `aws_access_key_id = ${accessKeyId}\n` +
    `aws_secret_access_key = ${secretAccessKey}\n${token ?? ""}`;
}

/** Theirs. */
export const KEYS: string = keySettings(TEST_CREDENTIALS);

/** What takes them away from a program that would have them. */
export const NO_KEYS = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
} as const;

/** The region and service that they sign for. */
export const TEST_SCOPE = {
  region: "eu-west-1",
  service: "execute-api",
} as const;

/** A gate that knows them and nobody else. */
export const TEST_VERIFIER: VerifierOptions = {
  ...TEST_SCOPE,
  principals: {
    [TEST_CREDENTIALS.accessKeyId]: {
      secretAccessKey: TEST_CREDENTIALS.secretAccessKey,
      sessionToken: TEST_CREDENTIALS.sessionToken,
    },
  },
};
