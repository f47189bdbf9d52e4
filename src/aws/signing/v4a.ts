/**
 * Signature Version 4A (`AWS4-ECDSA-P256-SHA256`), computed by
 * `@smithy/signature-v4a` over the URL as it goes on the wire. Loaded only when
 * v4a is asked for.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { SignatureV4a } from "@smithy/signature-v4a";
import { Curve, type CurveSignature } from "./curve.ts";
import { bytesOf, type Data, Sha256 } from "./hash.ts";
import {
  type HttpRequest,
  type SigningInput,
  type SigningOutput,
  smithyRequest,
  wireCanonicalRequest,
} from "./v4.ts";

type HashConstructor = ConstructorParameters<typeof SignatureV4a>[0]["sha256"];

/** Signs with v4a. */
export interface V4aSigner {
  /** Signs in headers. */
  sign(input: SigningInput): Promise<SigningOutput>;
  /** Makes signatures as fast as they get. */
  warmUp(): Promise<void>;
}

/** A v4a signer, whose curve warms up while its first request is under way. */
export function createV4aSigner(): V4aSigner {
  const curve = new Curve(scriptedSignature());
  const hash = createKeepingHash();
  return {
    warmUp: () => curve.warmUp(),
    async sign(input) {
      const signer = new WireSignatureV4a(input, hash, curve.sign);
      const signed: HttpRequest = await signer.sign(smithyRequest(input), {
        signingDate: input.date,
        unsignableHeaders: new Set(input.unsignedHeaders),
      });
      return {
        headers: signed.headers,
        canonicalRequest: signer.canonicalRequest,
      };
    },
  };
}

/** One signature's signer: see its sibling for v4. */
class WireSignatureV4a extends SignatureV4a {
  readonly #input: SigningInput;
  canonicalRequest = "";

  constructor(
    input: SigningInput,
    sha256: HashConstructor,
    signature: CurveSignature,
  ) {
    super({
      credentials: input.credentials,
      region: input.region,
      service: input.service,
      sha256,
      applyChecksum: false,
    });
    this.#input = input;
    // The one step in which the curve is used; the package has no option for it.
    this["getSignature"] = signature;
  }

  protected override createCanonicalRequest(
    request: HttpRequest,
    headers: { [name: string]: string },
  ): string {
    this.canonicalRequest = wireCanonicalRequest(this.#input, headers, request);
    return this.canonicalRequest;
  }
}

/** The curve that comes with `@smithy/signature-v4a`. */
function scriptedSignature(): CurveSignature {
  const signer = new SignatureV4a({
    credentials: { accessKeyId: "", secretAccessKey: "" },
    region: "",
    service: "",
    sha256: Sha256,
  });
  return (privateKey, text) => signer["getSignature"](privateKey, text);
}

/**
 * A hash class that keeps its last HMAC. A v4a signer uses a keyed hash for one
 * thing, deriving the private key, so this keeps the key of the credentials in
 * use.
 */
function createKeepingHash(): HashConstructor {
  let kept:
    | { secret: Uint8Array; data: Uint8Array; key: Promise<Uint8Array> }
    | undefined;
  return class {
    readonly #secret: Uint8Array | undefined;
    #data: Uint8Array = new Uint8Array();

    constructor(secret?: Data) {
      this.#secret = secret === undefined ? undefined : bytesOf(secret);
    }

    update(data: Data): void {
      const bytes = bytesOf(data);
      this.#data = this.#data.length === 0
        ? bytes
        : Buffer.concat([this.#data, bytes]);
    }

    digest(): Promise<Uint8Array> {
      const secret = this.#secret;
      const data = this.#data;
      if (secret === undefined) return hash(data);
      if (!kept || !equal(kept.secret, secret) || !equal(kept.data, data)) {
        kept = { secret, data, key: hash(data, secret) };
      }
      return kept.key;
    }

    reset(): void {
      this.#data = new Uint8Array();
    }
  };
}

function hash(data: Uint8Array, secret?: Uint8Array): Promise<Uint8Array> {
  const sha256 = new Sha256(secret);
  sha256.update(data);
  return sha256.digest();
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
