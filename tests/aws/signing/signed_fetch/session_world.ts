/** The gate and the signed fetch of sign_world.ts, with keys of a session. */

import type { Credentials } from "../../../../src/aws/credentials/types.ts";
import type {
  SignedFetch,
  SignedFetchOptions,
} from "../../../../src/aws/signing/signed_fetch.ts";
import type { IamGate, IamGateOptions } from "../../../support/aws/iam_gate.ts";
import type { VerifierOptions } from "../../../support/sigv4/verifier.ts";
import * as world from "../sign_world.ts";

/** The keys that the gate knows, unless it is told others. */
export const OLD: Credentials = {
  accessKeyId: "ASIAEXAMPLEOLD",
  secretAccessKey: "an-old-secret-access-key",
  sessionToken: "an-old-session-token",
};

/** A gate that repeats what was sent as it ran it. */
export function startGate(
  verifier: Partial<VerifierOptions>,
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  const principals = { [OLD.accessKeyId]: OLD };
  return world.startGate({ principals, ...verifier }, {
    handler: (_request, response, record) => {
      response.end(`ran ${record.text()}`);
    },
    ...options,
  });
}

/** A fetch that signs for it with the old keys. */
export function signedFetchTo(
  gate: IamGate,
  options: Partial<SignedFetchOptions> = {},
): SignedFetch {
  return world.signedFetchTo(gate, { credentials: OLD, ...options });
}

export const POST = { method: "POST", body: "a call" };
