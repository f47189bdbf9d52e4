/**
 * Certificates and keys for TLS, read from files and checked: Deno's own client
 * takes garbage in silence.
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import { messageOf } from "../errors.ts";
import { type Need, notGranted } from "../permissions.ts";
import type { CaBundle } from "../aws/shared_files/profile_settings.ts";
import type { TlsMaterial } from "../net/http_client.ts";
import { optionName } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { addFault, type Reading } from "./settings.ts";
import { quotePath, readTextFile } from "./text_file.ts";

type TlsOption = "caCert" | "clientCert" | "clientKey";

interface Certificate {
  readonly pem: string;
  readonly x509: X509Certificate;
}

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const NO_CERTIFICATE =
  "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
const PRIVATE_KEY =
  /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----(?:(?!-----)[^])+-----END \1-----/;

/**
 * Reads and checks the files that the options name.
 *
 * @param caBundle The AWS CLI's file of roots, which counts where no option
 * names one.
 */
export async function readTlsFiles(
  reading: Reading,
  caBundle: CaBundle | undefined,
  now: number = Date.now(),
): Promise<TlsMaterial> {
  const files = new TlsFiles(reading, now);
  const caCerts = await files.roots(caBundle);
  return { caCerts, client: await files.client() };
}

class TlsFiles {
  readonly #reading: Reading;
  readonly #now: number;
  #isFaulty = false;

  constructor(reading: Reading, now: number) {
    this.#reading = reading;
    this.#now = now;
  }

  async roots(caBundle: CaBundle | undefined): Promise<string[]> {
    const { caCert } = this.#reading.settings;
    if (caCert === undefined) return caBundle ? this.#bundle(caBundle) : [];
    const certificates = await this.#certificates("caCert", caCert);
    const caCerts = certificates.map(({ pem }) => pem);
    this.#tryOut("caCert", caCert, { caCerts });
    return caCerts;
  }

  async client(): Promise<TlsMaterial["client"]> {
    const { clientCert, clientKey } = this.#reading.settings;
    if (clientCert === undefined && clientKey === undefined) return undefined;
    if (clientKey === undefined) {
      return this.#fault("clientKey", "is required with a client certificate");
    }
    if (clientCert === undefined) {
      return this.#fault("clientCert", "is required with a client key");
    }
    const chain = await this.#certificates("clientCert", clientCert);
    const key = await this.#privateKey(clientKey);
    const [own] = chain;
    if (own === undefined || key === undefined) return undefined;
    if (!belongs(own, key.object)) {
      const which = chain.length === 1 ? "certificate" : "first certificate";
      return this.#fault(
        "clientKey",
        `${quotePath(clientKey)} does not belong to the ${which} of ` +
          quotePath(clientCert),
      );
    }
    const cert = chain.map(({ pem }) => pem).join("\n");
    const client = { cert, key: key.pem };
    this.#tryOut("clientKey", clientKey, client);
    return client;
  }

  /** Set for all of a machine's programs: it may hold a hundred roots. */
  async #bundle({ path, from }: CaBundle): Promise<string[]> {
    const { faults, notes } = this.#reading;
    const need: Need = { kind: "read", value: path, why: "read the file" };
    const file = await readTextFile(path);
    if ("fault" in file && notGranted([need]).length > 0) {
      const message = `the roots of ${from} are not trusted: ${file.fault}`;
      notes.push({ level: "warn", message });
      return [];
    }
    const caCerts = "text" in file ? file.text.match(CERTIFICATE) : null;
    if (caCerts !== null) return caCerts;
    const fault = "fault" in file
      ? file.fault
      : `${quotePath(path)} ${NO_CERTIFICATE}`;
    faults.push(`${from}: ${fault}`);
    return [];
  }

  /** The certificates of a file: one or more, or else there is a fault. */
  async #certificates(key: TlsOption, path: string): Promise<Certificate[]> {
    const text = await this.#text(key, path);
    if (text === undefined) return [];
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) this.#fileFault(key, path, NO_CERTIFICATE);
    const certificates = blocks.flatMap((pem, index) => {
      const x509 = parse(pem);
      if (x509 !== undefined) return [{ pem, x509 }];
      const place = blocks.length === 1 ? "" : `, number ${index + 1}`;
      const words = `has a certificate that cannot be read${place}`;
      return this.#fileFault(key, path, words) ?? [];
    });
    this.#noteTimes(path, certificates);
    return certificates;
  }

  async #privateKey(
    path: string,
  ): Promise<{ pem: string; object: KeyObject } | undefined> {
    const text = await this.#text("clientKey", path);
    if (text === undefined) return undefined;
    const fault = (words: string) => this.#fileFault("clientKey", path, words);
    const [pem, label] = PRIVATE_KEY.exec(text) ?? [];
    if (pem === undefined) {
      return fault("has no key in PEM form (-----BEGIN PRIVATE KEY-----)");
    }
    if (label?.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/m.test(pem)) {
      return fault(
        "is encrypted, and no one is there to type its passphrase: " +
          "decrypt it with openssl pkey -in FILE -out NEW",
      );
    }
    try {
      return { pem, object: nodeCrypto().createPrivateKey(pem) };
    } catch {
      // What is wrong could show parts of it.
      return fault("has a key that cannot be read");
    }
  }

  async #text(key: TlsOption, path: string): Promise<string | undefined> {
    const file = await readTextFile(path);
    return "text" in file ? file.text : this.#fault(key, file.fault);
  }

  /** Some keys and certificates are sound, and yet not taken: short ones, say. */
  #tryOut(
    key: TlsOption,
    path: string,
    options: Deno.CreateHttpClientOptions & Partial<Deno.TlsCertifiedKeyPem>,
  ): void {
    if (this.#isFaulty) return;
    try {
      Deno.createHttpClient(options).close();
    } catch (error) {
      const words = `is not taken for TLS: ${messageOf(error)}`;
      this.#fileFault(key, path, words);
    }
  }

  /** A certificate out of its time may still be taken: it is told, no more. */
  #noteTimes(file: string, certificates: readonly Certificate[]): void {
    const now = this.#now;
    for (
      const [message, isSo] of [
        ["certificates have expired", (x509) => +x509.validToDate < now],
        ["certificates are not valid yet", (x509) => +x509.validFromDate > now],
      ] satisfies [string, (x509: X509Certificate) => boolean][]
    ) {
      const subjects = certificates.filter(({ x509 }) => isSo(x509))
        .map(({ x509 }) =>
          `${x509.subject} (${x509.validFrom} to ${x509.validTo})`
        );
      if (subjects.length === 0) continue;
      const fields = { file, subjects };
      this.#reading.notes.push({ level: "warn", message, fields });
    }
  }

  #fileFault(key: TlsOption, path: string, words: string): undefined {
    return this.#fault(key, `${quotePath(path)} ${words}`);
  }

  #fault(key: TlsOption, words: string): undefined {
    this.#isFaulty = true;
    return addFault(this.#reading, key, `${optionName(OPTIONS[key])} ${words}`);
  }
}

/** Loaded where it is needed: a bundle of roots is not looked into. */
function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

function belongs({ x509 }: Certificate, key: KeyObject): boolean {
  try {
    return x509.checkPrivateKey(key);
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
