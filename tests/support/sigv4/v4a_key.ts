/**
 * The ECDSA key of Signature Version 4A, derived from a secret access key.
 *
 * AWS's documentation, "Create a signed AWS API request", derives it with
 * NIST SP 800-108, a KDF in counter mode over HMAC-SHA256, and rejects
 * candidates as NIST SP 800-186, A.2.2 does.
 */

import { Buffer } from "node:buffer";
import {
  createECDH,
  createHmac,
  createPublicKey,
  type KeyObject,
} from "node:crypto";

const ALGORITHM = "AWS4-ECDSA-P256-SHA256";
/** The order n of P-256, FIPS 186-4, D.1.2.3. */
const ORDER =
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const KEY_BITS = 256;
const MAX_COUNTER = 254;

/** A point of P-256: what a verifier needs to know of a signer. */
export interface PublicPoint {
  /** The coordinates in hex, 32 bytes each. */
  readonly x: string;
  readonly y: string;
}

/** The public point that belongs to a pair of access key ID and secret. */
export function publicPoint(
  accessKeyId: string,
  secretAccessKey: string,
): PublicPoint {
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(privateScalar(accessKeyId, secretAccessKey));
  // Uncompressed: 0x04, 32 bytes of x, 32 bytes of y.
  const point = curve.getPublicKey("hex");
  return { x: point.slice(2, 66), y: point.slice(66) };
}

/** A public point as a key that `node:crypto` verifies with. */
export function publicKey({ x, y }: PublicPoint): KeyObject {
  const base64url = (hex: string): string =>
    Buffer.from(hex, "hex").toString("base64url");
  return createPublicKey({
    format: "jwk",
    key: { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) },
  });
}

function privateScalar(accessKeyId: string, secretAccessKey: string): Buffer {
  for (let counter = 1; counter <= MAX_COUNTER; counter++) {
    const candidate = createHmac("sha256", `AWS4A${secretAccessKey}`)
      .update(uint32(1))
      .update(ALGORITHM)
      .update(Uint8Array.of(0))
      .update(accessKeyId)
      .update(Uint8Array.of(counter))
      .update(uint32(KEY_BITS))
      .digest("hex");
    const scalar = BigInt(`0x${candidate}`);
    if (scalar > ORDER - 2n) continue;
    return Buffer.from((scalar + 1n).toString(16).padStart(64, "0"), "hex");
  }
  throw new Error("no candidate is below the order of the curve");
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
