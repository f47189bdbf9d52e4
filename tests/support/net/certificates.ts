/**
 * Certificates of an authority that nobody knows, made on the spot (RFC 5280).
 */

import {
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

/** A certificate and its key, in PEM form. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  /** Who it is for. */
  readonly name: string;
  /** The hosts that it is for: names or IPv4 addresses. */
  readonly hosts?: readonly string[];
  /** When it begins, in milliseconds since 1970. Default: an hour ago. */
  readonly from?: number;
  /** When it ends. Default: an hour from now. */
  readonly to?: number;
}

const HOUR_MS = 3_600_000;

/** An authority that issues certificates. */
export class Authority implements Identity {
  readonly cert: string;
  readonly key: string;
  readonly #name: string;
  readonly #signer: KeyObject;

  /** @param options What its own certificate says. */
  constructor(options: CertificateOptions) {
    const { publicKey, privateKey } = newKeys();
    this.#name = options.name;
    this.#signer = privateKey;
    this.key = pemKey(privateKey);
    const isAuthority = extension(
      "2.5.29.19",
      sequence(der(TAG.boolean, Uint8Array.of(0xff))),
      { isCritical: true },
    );
    this.cert = this.#certificate(options, publicKey, [isAuthority]);
  }

  /** A server's or a client's certificate. */
  issue(options: CertificateOptions & { publicKey?: KeyObject }): Identity {
    const { publicKey, privateKey } = newKeys();
    const hosts = options.hosts ?? ["localhost", "127.0.0.1"];
    const cert = this.#certificate(options, options.publicKey ?? publicKey, [
      extension("2.5.29.17", sequence(...hosts.map(generalName))),
      // For servers and for clients.
      extension(
        "2.5.29.37",
        sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2")),
      ),
    ]);
    return { cert, key: pemKey(privateKey) };
  }

  #certificate(
    { name, from, to }: CertificateOptions,
    publicKey: KeyObject,
    extensions: readonly Uint8Array[],
  ): string {
    const now = Date.now();
    const content = sequence(
      der(TAG.context(0), der(TAG.integer, Uint8Array.of(2))),
      der(TAG.integer, Uint8Array.of(1), randomBytes(8)),
      ECDSA_WITH_SHA256,
      distinguishedName(this.#name),
      sequence(time(from ?? now - HOUR_MS), time(to ?? now + HOUR_MS)),
      distinguishedName(name),
      publicKey.export({ type: "spki", format: "der" }),
      der(TAG.context(3), sequence(...extensions)),
    );
    const signature = sign("sha256", content, this.#signer);
    return pem(
      "CERTIFICATE",
      sequence(
        content,
        ECDSA_WITH_SHA256,
        der(TAG.bitString, Uint8Array.of(0), signature),
      ),
    );
  }
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pemKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Tags of ASN.1 (X.690). */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  ipAddress: 0x87,
  context: (index: number): number => 0xa0 | index,
} as const;

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  // DER wants the shortest form (X.690, 10.1).
  const long = [length >> 8, length & 0xff].filter((byte, index) =>
    index > 0 || byte > 0
  );
  const head = length < 128
    ? [tag, length]
    : [tag, 0x80 | long.length, ...long];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  let end = head.length;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(TAG.sequence, ...parts);
}

function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...others] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const number of others) {
    const digits = [number & 0x7f];
    for (let rest = number >> 7; rest > 0; rest >>= 7) {
      digits.unshift(rest & 0x7f | 0x80);
    }
    bytes.push(...digits);
  }
  return der(TAG.oid, Uint8Array.from(bytes));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function distinguishedName(name: string): Uint8Array {
  const attribute = sequence(oid("2.5.4.3"), der(TAG.utf8, ascii(name)));
  return sequence(der(TAG.set, attribute));
}

function time(ms: number): Uint8Array {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(TAG.time, ascii(text));
}

function generalName(host: string): Uint8Array {
  return /^[\d.]+$/.test(host)
    ? der(TAG.ipAddress, Uint8Array.from(host.split(".").map(Number)))
    : der(TAG.dnsName, ascii(host));
}

function extension(
  id: string,
  value: Uint8Array,
  { isCritical = false }: { isCritical?: boolean } = {},
): Uint8Array {
  return sequence(
    oid(id),
    ...isCritical ? [der(TAG.boolean, Uint8Array.of(0xff))] : [],
    der(TAG.octetString, value),
  );
}

function pem(label: string, bytes: Uint8Array): string {
  const base64 = bytes.toBase64().replace(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}
