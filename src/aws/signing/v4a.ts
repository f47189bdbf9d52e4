/**
 * Signature Version 4A (`AWS4-ECDSA-P256-SHA256`): its key, and its curve,
 * which comes with `@smithy/signature-v4a`. Loaded only when v4a is asked for.
 */

import {
  ALGORITHM_IDENTIFIER_V4A,
  KEY_TYPE_IDENTIFIER,
} from "@smithy/signature-v4";
import { SignatureV4a } from "@smithy/signature-v4a";
import type { Credentials } from "../credentials/types.ts";
import { Curve } from "./curve.ts";
import { Sha256 } from "./hash.ts";
import type { SignatureScheme } from "./v4.ts";

/** The order of the curve P-256, less two. */
const MAX_CANDIDATE = BigInt(
  "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
);

/**
 * Version 4A. The curve warms up while the first request is under way, and the
 * key is held as long as the credentials are used.
 */
export function createV4a(): SignatureScheme {
  const smithy = new SignatureV4a({
    credentials: { accessKeyId: "", secretAccessKey: "" },
    region: "",
    service: "",
    sha256: Sha256,
  });
  const curve = new Curve((key, text) => smithy["getSignature"](key, text));
  let held: { id: string; secret: string; key: Promise<Uint8Array> };
  return {
    algorithm: ALGORITHM_IDENTIFIER_V4A,
    scopeOf: ({ service }, day) => `${day}/${service}/${KEY_TYPE_IDENTIFIER}`,
    headersOf: ({ region }) => ({ "x-amz-region-set": region }),
    async sign(text, { credentials }) {
      const { accessKeyId: id, secretAccessKey: secret } = credentials;
      if (held?.id !== id || held.secret !== secret) {
        held = { id, secret, key: privateKeyOf(credentials) };
      }
      return await curve.sign(await held.key, text);
    },
    warmUp: () => curve.warmUp(),
  };
}

/**
 * AWS Identity and Access Management User Guide, "Derive a signing key for
 * SigV4a": NIST SP 800-108 in counter mode, until a number is below the order.
 */
async function privateKeyOf(
  { accessKeyId, secretAccessKey }: Credentials,
): Promise<Uint8Array> {
  for (let counter = 1;; counter++) {
    const hmac = new Sha256(`AWS4A${secretAccessKey}`);
    hmac.update(Uint8Array.of(0, 0, 0, 1));
    hmac.update(`${ALGORITHM_IDENTIFIER_V4A}\0${accessKeyId}`);
    hmac.update(Uint8Array.of(counter, 0, 0, 1, 0));
    const hex = (await hmac.digest()).toHex();
    const candidate = BigInt(`0x${hex}`);
    if (candidate > MAX_CANDIDATE) continue;
    return Uint8Array.fromHex((candidate + 1n).toString(16).padStart(64, "0"));
  }
}
