/**
 * Which implementation of the curve P-256 signs for v4a.
 *
 * The one in script needs a table that takes some 20 ms to compute, and is the
 * faster one under Deno from then on; the native one needs nothing. So the
 * first signature is native, the table is computed while its request is under
 * way, and then the faster of the two goes on.
 */

import { Buffer } from "node:buffer";
import {
  createECDH,
  createPrivateKey,
  type KeyObject,
  sign,
} from "node:crypto";

/** Signs a text's SHA-256 with a private key: DER in hex. */
export type CurveSignature = (
  privateKey: Uint8Array,
  text: string,
) => Promise<string>;

/** How many signatures each implementation makes to be timed. */
const RACE_ROUNDS = 4;

/** The curve of one signer: native when cold, the faster one once warm. */
export class Curve {
  readonly #scripted: CurveSignature;
  readonly #native: CurveSignature = createNativeSignature();
  #sign: CurveSignature = this.#native;
  #moment: ReturnType<typeof setTimeout> | undefined;
  #warm: Promise<void> | undefined;

  /** @param scripted The implementation in script. */
  constructor(scripted: CurveSignature) {
    this.#scripted = scripted;
  }

  /** Signs with the best that is ready. */
  sign: CurveSignature = (privateKey, text) => {
    if (this.#warm === undefined) {
      this.#moment ??= setTimeout(() => this.warmUp(), 0);
    }
    return this.#sign(privateKey, text);
  };

  /** Computes the table, then keeps the faster implementation. */
  warmUp(): Promise<void> {
    clearTimeout(this.#moment);
    return this.#warm ??= this.#race();
  }

  async #race(): Promise<void> {
    const scripted = await fastestMs(this.#scripted).catch(() => Infinity);
    const native = await fastestMs(this.#native).catch(() => Infinity);
    if (scripted < native) this.#sign = this.#scripted;
  }
}

async function fastestMs(signature: CurveSignature): Promise<number> {
  // Any number below the order of the curve is a private key.
  const privateKey = crypto.getRandomValues(new Uint8Array(32));
  privateKey[0] = 1;
  let fastest = Infinity;
  for (let round = 0; round <= RACE_ROUNDS; round++) {
    const start = performance.now();
    await signature(privateKey, `round ${round}`);
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}

/** Signs with `node:crypto`; the key in its form is kept for the next text. */
function createNativeSignature(): CurveSignature {
  let last: { privateKey: Uint8Array; key: KeyObject } | undefined;
  return (privateKey, text) => {
    if (last === undefined || Buffer.compare(last.privateKey, privateKey)) {
      last = { privateKey, key: keyObject(privateKey) };
    }
    const signature = sign("sha256", Buffer.from(text, "utf8"), last.key);
    return Promise.resolve(signature.toString("hex"));
  };
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
