/**
 * Signature Version 4A (`AWS4-ECDSA-P256-SHA256`), loaded only when it is asked
 * for: its key, and which implementation of the curve P-256 signs.
 *
 * That of `@smithy/signature-v4a` needs a table that takes some 20 ms to
 * compute, and is twice as fast under Deno from then on; the native one needs
 * nothing. So the first signature is native, and the table is computed while its
 * request is under way.
 */

import { Buffer } from "node:buffer";
import {
  createECDH,
  createPrivateKey,
  type KeyObject,
  sign,
} from "node:crypto";
import {
  ALGORITHM_IDENTIFIER_V4A,
  KEY_TYPE_IDENTIFIER,
} from "@smithy/signature-v4";
import { SignatureV4a } from "@smithy/signature-v4a";
import type { Credentials } from "../credentials/types.ts";
import { Sha256 } from "./hash.ts";
import type { SignatureScheme } from "./v4.ts";

/** The order of the curve P-256, less two. */
const MAX_CANDIDATE = BigInt(
  "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
);

/** Version 4A. The key is held as long as the credentials are used. */
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

/** Signs a text's SHA-256 with a private key: DER in hex. */
export type CurveSignature = (
  privateKey: Uint8Array,
  text: string,
) => Promise<string>;

/** Signs natively until the table is there, and by that from then on. */
export class Curve {
  readonly #scripted: CurveSignature;
  #sign: CurveSignature = nativeSignature;
  #moment: ReturnType<typeof setTimeout> | undefined;
  #warm: Promise<void> | undefined;

  constructor(scripted: CurveSignature) {
    this.#scripted = scripted;
  }

  sign: CurveSignature = (privateKey, text) => {
    if (this.#warm === undefined) {
      this.#moment ??= setTimeout(() => this.warmUp(), 0);
    }
    return this.#sign(privateKey, text);
  };

  /** Computes the table. */
  warmUp(): Promise<void> {
    clearTimeout(this.#moment);
    // Any number below the order of the curve is a private key.
    const privateKey = new Uint8Array(32).fill(1);
    return this.#warm ??= this.#scripted(privateKey, "").then(() => {
      this.#sign = this.#scripted;
    }, () => {});
  }
}

function nativeSignature(
  privateKey: Uint8Array,
  text: string,
): Promise<string> {
  const key = keyObject(privateKey);
  const signature = sign("sha256", Buffer.from(text, "utf8"), key);
  return Promise.resolve(signature.toString("hex"));
}

function keyObject(privateKey: Uint8Array): KeyObject {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(privateKey);
  // SEC 1, section 2.3.3: 04, then x and y of 32 bytes each.
  const point = ecdh.getPublicKey();
  return createPrivateKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      d: Buffer.from(privateKey).toString("base64url"),
      x: point.subarray(1, 33).toString("base64url"),
      y: point.subarray(33).toString("base64url"),
    },
  });
}
