/**
 * Certificates and keys for TLS, read from files and checked: Deno's own client
 * takes garbage in silence.
 *
 * @module
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import { type Need, notGranted } from "../permissions.ts";
import type { CaBundle } from "../aws/shared_files/profile_settings.ts";
import type { LogNote } from "../log/log.ts";
import type { TlsMaterial } from "../net/http_client.ts";
import { type Option, optionName, remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { quotePath, readTextFile } from "./text_file.ts";

/** The files that the options name. */
export interface TlsPaths {
  readonly caCert?: string;
  /** The AWS CLI's; counts where there is no `caCert`. */
  readonly caBundle?: CaBundle;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** The files, read. */
export interface TlsReading {
  readonly tls?: TlsMaterial;
  /** What a person should know about the certificates. */
  readonly notes: readonly LogNote[];
  /** What is wrong, a sentence each. */
  readonly faults: readonly string[];
}

type TlsOption = Exclude<keyof TlsPaths, "caBundle">;

/** A certificate, and the text that it is from. */
interface Certificate {
  readonly pem: string;
  readonly x509: X509Certificate;
}

/** A private key, and the text that it is from. */
interface PrivateKey {
  readonly pem: string;
  readonly object: KeyObject;
}

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const NO_CERTIFICATE =
  "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
const PRIVATE_KEY =
  /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----(?:(?!-----)[^])+-----END \1-----/;

/**
 * Reads and checks the files.
 *
 * @param paths The files.
 * @param now The time, in milliseconds since 1970.
 * @returns What they hold, if all of it is as it should be.
 */
export async function readTlsFiles(
  paths: TlsPaths,
  now: number = Date.now(),
): Promise<TlsReading> {
  const reader = new Reader(now);
  const caCerts = await reader.roots(paths);
  const client = await reader.client(paths);
  const { notes, faults } = reader;
  if (faults.length > 0) return { notes, faults };
  return { tls: { caCerts, client }, notes, faults };
}

class Reader {
  readonly notes: LogNote[] = [];
  readonly faults: string[] = [];
  readonly #now: number;

  constructor(now: number) {
    this.#now = now;
  }

  async roots({ caCert, caBundle }: TlsPaths): Promise<string[]> {
    if (caCert === undefined) return caBundle ? this.#bundle(caBundle) : [];
    const certificates = await this.#certificates("caCert", caCert);
    const caCerts = certificates.map(({ pem }) => pem);
    this.#tryOut("caCert", caCert, { caCerts });
    return caCerts;
  }

  async client(
    { clientCert, clientKey }: TlsPaths,
  ): Promise<TlsMaterial["client"]> {
    if (clientCert === undefined && clientKey === undefined) return undefined;
    if (clientKey === undefined) {
      this.#fault("clientKey", "is required with a client certificate");
      return undefined;
    }
    if (clientCert === undefined) {
      this.#fault("clientCert", "is required with a client key");
      return undefined;
    }
    const chain = await this.#certificates("clientCert", clientCert);
    const key = await this.#privateKey(clientKey);
    const [own] = chain;
    if (own === undefined || key === undefined) return undefined;
    if (!belongs(own, key)) {
      const which = chain.length === 1 ? "certificate" : "first certificate";
      this.#fault(
        "clientKey",
        `${quotePath(clientKey)} does not belong to the ${which} of ` +
          quotePath(clientCert),
      );
      return undefined;
    }
    const client = {
      cert: chain.map(({ pem }) => pem).join("\n"),
      key: key.pem,
    };
    this.#tryOut("clientKey", clientKey, client);
    return client;
  }

  /** Set for all of a machine's programs: it may hold a hundred roots. */
  async #bundle({ path, from }: CaBundle): Promise<string[]> {
    const need: Need = { kind: "read", value: path, why: "read the file" };
    const reading = await readTextFile(path);
    if ("fault" in reading && notGranted([need]).length > 0) {
      const message = `the roots of ${from} are not trusted: ${reading.fault}`;
      this.notes.push({ level: "warn", message });
      return [];
    }
    const caCerts = "text" in reading ? reading.text.match(CERTIFICATE) : null;
    if (caCerts !== null) return caCerts;
    const fault = "fault" in reading
      ? reading.fault
      : `${quotePath(path)} ${NO_CERTIFICATE}`;
    this.faults.push(`${from}: ${fault}`);
    return [];
  }

  /** The certificates of a file: one or more, or else there is a fault. */
  async #certificates(key: TlsOption, path: string): Promise<Certificate[]> {
    const text = await this.#text(key, path);
    if (text === undefined) return [];
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) {
      this.#fileFault(key, path, NO_CERTIFICATE);
    }
    const certificates: Certificate[] = [];
    for (const [index, pem] of blocks.entries()) {
      const x509 = parse(pem);
      if (x509 !== undefined) certificates.push({ pem, x509 });
      else {
        const place = blocks.length === 1 ? "" : `, number ${index + 1}`;
        this.#fileFault(
          key,
          path,
          `has a certificate that cannot be read${place}`,
        );
      }
    }
    this.#noteTimes(path, certificates);
    return certificates;
  }

  async #privateKey(path: string): Promise<PrivateKey | undefined> {
    const text = await this.#text("clientKey", path);
    if (text === undefined) return undefined;
    const fault = (words: string) => this.#fileFault("clientKey", path, words);
    const [pem, label] = PRIVATE_KEY.exec(text) ?? [];
    if (pem === undefined) {
      fault("has no key in PEM form (-----BEGIN PRIVATE KEY-----)");
      return undefined;
    }
    if (label?.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/m.test(pem)) {
      fault(
        "is encrypted, and no one is there to type its passphrase: " +
          "decrypt it with openssl pkey -in FILE -out NEW",
      );
      return undefined;
    }
    try {
      return { pem, object: nodeCrypto().createPrivateKey(pem) };
    } catch {
      // What is wrong could show parts of it.
      fault("has a key that cannot be read");
      return undefined;
    }
  }

  async #text(key: TlsOption, path: string): Promise<string | undefined> {
    const reading = await readTextFile(path);
    if ("text" in reading) return reading.text;
    this.#fault(key, reading.fault);
    return undefined;
  }

  /** Some keys and certificates are sound, and yet not taken: short ones, say. */
  #tryOut(
    key: TlsOption,
    path: string,
    options: Deno.CreateHttpClientOptions & Partial<Deno.TlsCertifiedKeyPem>,
  ): void {
    if (this.faults.length > 0) return;
    try {
      Deno.createHttpClient(options).close();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#fileFault(key, path, `is not taken for TLS: ${reason}`);
    }
  }

  /** A certificate out of its time may still be taken: it is told, no more. */
  #noteTimes(file: string, certificates: readonly Certificate[]): void {
    this.#note(
      "certificates have expired",
      file,
      certificates.filter(({ x509 }) => x509.validToDate.getTime() < this.#now),
    );
    this.#note(
      "certificates are not valid yet",
      file,
      certificates.filter(({ x509 }) =>
        x509.validFromDate.getTime() > this.#now
      ),
    );
  }

  #note(
    message: string,
    file: string,
    certificates: readonly Certificate[],
  ): void {
    if (certificates.length === 0) return;
    const subjects = certificates.map(({ x509 }) =>
      `${x509.subject} (${x509.validFrom} to ${x509.validTo})`
    );
    this.notes.push({ level: "warn", message, fields: { file, subjects } });
  }

  #fileFault(key: TlsOption, path: string, words: string): void {
    this.#fault(key, `${quotePath(path)} ${words}`);
  }

  #fault(key: TlsOption, words: string): void {
    const option: Option = OPTIONS[key];
    this.faults.push(`${optionName(option)} ${words} (${remedy(option)})`);
  }
}

/** Loaded where it is needed: a bundle of roots is not looked into. */
function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

function belongs({ x509 }: Certificate, { object }: PrivateKey): boolean {
  try {
    return x509.checkPrivateKey(object);
  } catch {
    // Of a kind that no certificate is made for.
    return false;
  }
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new (nodeCrypto().X509Certificate)(pem);
  } catch {
    return undefined;
  }
}
