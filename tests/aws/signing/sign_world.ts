/** A gate on loopback and a signed fetch towards it. */

import {
  createSignedFetch,
  type SignedFetch,
  type SignedFetchOptions,
} from "../../../src/aws/signing/signed_fetch.ts";
import { IamGate, type IamGateOptions } from "../../support/aws/iam_gate.ts";
import type { VerifierOptions } from "../../support/sigv4/verifier.ts";

/** The key that the gate knows. */
export const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

/** What the gate demands a signature for. */
export const SCOPE = { service: "execute-api", region: "eu-west-1" };

/** A gate that answers `ok` to what is signed. */
export function startGate(
  verifier: Partial<VerifierOptions> = {},
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: { principals: { AKIDEXAMPLE: KEY }, ...SCOPE, ...verifier },
    handler: (_request, response) => {
      response.end("ok");
    },
    ...options,
  });
}

/** A fetch that signs for a gate. */
export function signedFetchTo(
  gate: IamGate,
  options: Partial<SignedFetchOptions> = {},
): SignedFetch {
  return createSignedFetch({
    origin: gate.origin,
    credentials: KEY,
    ...SCOPE,
    ...options,
  });
}
