import type { Credentials } from "../../../src/aws/credentials/types.ts";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../../src/aws/signing/signed_fetch.ts";
import { IamGate, type IamGateOptions } from "../../support/iam_gate.ts";
import type { VerifierOptions } from "../../support/sigv4_verifier.ts";

export const OLD: Credentials = {
  accessKeyId: "ASIAEXAMPLEOLD",
  secretAccessKey: "an-old-secret-access-key",
  sessionToken: "an-old-session-token",
};

export const SCOPE = { service: "execute-api", region: "eu-west-1" };

export function startGate(
  verifier: Partial<VerifierOptions>,
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: { principals: { [OLD.accessKeyId]: OLD }, ...SCOPE, ...verifier },
    handler: (_request, response, record) => {
      response.end(`ran ${record.text()}`);
    },
    ...options,
  });
}

export function signedFetchTo(
  gate: IamGate,
  options: Partial<SignedFetchOptions> = {},
): ReturnType<typeof createSignedFetch> {
  return createSignedFetch({
    origin: gate.origin,
    credentials: OLD,
    ...SCOPE,
    ...options,
  });
}

export const POST = { method: "POST", body: "a call" };
