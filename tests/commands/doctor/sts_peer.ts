/** AWS STS on loopback, as far as `GetCallerIdentity` goes. */

import { IamGate, type IamGateOptions } from "../../support/aws/iam_gate.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { TEST_KEYS } from "../command_world.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";

/** Whom it takes the test keys for. */
export const TEST_CALLER = {
  account: "123456789012",
  arn: "arn:aws:sts::123456789012:assumed-role/tests/session",
} as const;

/**
 * Starts an STS that demands valid signatures.
 *
 * @param options How it differs from the real one.
 * @returns The server; its `origin` is for `AWS_ENDPOINT_URL_STS`.
 */
export function startSts(
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: { ...TEST_VERIFIER, service: "sts" },
    dress: "xml",
    handler: (_request, response) => {
      response.setHeader("content-type", "text/xml");
      response.end(IDENTITY);
    },
    ...options,
  });
}

/** Variables with the test keys, and this STS. */
export function keysWith(
  { origin }: IamGate,
): Readonly<Record<string, string>> {
  return { ...TEST_KEYS, AWS_ENDPOINT_URL_STS: origin.href };
}

/** The same without an STS. */
export const KEYS_ALONE: Readonly<Record<string, string>> = {
  ...TEST_KEYS,
  AWS_ENDPOINT_URL_STS: `http://${NOBODY.host}/`,
};

const IDENTITY =
  `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>${TEST_CALLER.arn}</Arn>
    <UserId>AROAEXAMPLE:session</UserId>
    <Account>${TEST_CALLER.account}</Account>
  </GetCallerIdentityResult>
</GetCallerIdentityResponse>`;
