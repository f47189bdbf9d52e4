/**
 * Files that options name: text, and certificates and keys for TLS, which are
 * checked: Deno's own client takes garbage in silence.
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import type { CaBundle } from "../aws/shared_files/shared_files.ts";
import { messageOf } from "../errors.ts";
import type { TlsMaterial } from "../net/http_client.ts";
import { type Need, notGranted, permissionAdvice } from "../permissions.ts";
import { optionName } from "./option.ts";
import { OPTIONS } from "./options.ts";
import type { ParsedOptions } from "./settings.ts";

/** Longer than any bundle of certificates; a device has no end. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The text of a file, without a byte order mark, or what is wrong. */
export async function readTextFile(
  path: string,
): Promise<{ readonly text: string } | { readonly fault: string }> {
  // Most command lines name none.
  const { limitedFile } = await import("../limited_text.ts");
  try {
    return { text: await limitedFile(path, MAX_BYTES) };
  } catch (error) {
    return { fault: `${quotePath(path)} ${reasonOf(error, path)}` };
  }
}

/** A path in a form fit for one line. */
export function quotePath(path: string): string {
  return `'${path.replace(/[\p{Cc}\u2028\u2029]/gu, "?")}'`;
}

function needOf(path: string): Need {
  return { kind: "read", value: path, why: "read the file" };
}

function reasonOf(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.NotCapable) {
    return `may not be read: ${permissionAdvice([needOf(path)])}`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "cannot be read: the system denies it";
  }
  if (error instanceof RangeError) return "is longer than 4 MiB";
  if (error instanceof Deno.errors.IsADirectory) return "is a directory";
  return `cannot be read (${error instanceof Error ? error.name : "Error"})`;
}

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
 * Reads and checks the certificates and keys that the options name.
 *
 * @param caBundle The AWS CLI's file of roots, which counts where no option
 * names one.
 * @returns Nothing, if no file is named.
 */
export async function loadTlsFiles(
  parsed: ParsedOptions,
  caBundle: CaBundle | undefined,
  now: number = Date.now(),
): Promise<TlsMaterial | undefined> {
  const { caCert, clientCert, clientKey } = parsed.settings;
  if ((caCert ?? caBundle ?? clientCert ?? clientKey) === undefined) return;
  const files = new TlsFiles(parsed, now);
  const caCerts = caCert !== undefined
    ? await files.roots()
    : caBundle !== undefined
    ? await bundleRoots(parsed, caBundle)
    : [];
  return { caCerts, client: await files.client() };
}

/** Set for all of a machine's programs: it may hold a hundred roots. */
async function bundleRoots(
  { faults, notes }: ParsedOptions,
  { path, from }: CaBundle,
): Promise<string[]> {
  const file = await readTextFile(path);
  const caCerts = "text" in file ? file.text.match(CERTIFICATE) : null;
  if (caCerts !== null) return caCerts;
  if (!("fault" in file)) {
    faults.push(`${from}: ${quotePath(path)} ${NO_CERTIFICATE}`);
  } else if (notGranted([needOf(path)]).length > 0) {
    const message = `the roots of ${from} are not trusted: ${file.fault}`;
    notes.push({ level: "warn", message });
  } else faults.push(`${from}: ${file.fault}`);
  return [];
}

class TlsFiles {
  constructor(readonly parsed: ParsedOptions, readonly now: number) {}

  async roots(): Promise<string[]> {
    const certificates = await this.#certificates("caCert");
    const caCerts = certificates.map(({ pem }) => pem);
    this.#tryOut("caCert", { caCerts });
    return caCerts;
  }

  async client(): Promise<TlsMaterial["client"]> {
    const { clientCert, clientKey } = this.parsed.settings;
    if (clientCert === undefined && clientKey === undefined) return undefined;
    if (clientKey === undefined) {
      return this.#fault("clientKey", "is required with a client certificate");
    }
    if (clientCert === undefined) {
      return this.#fault("clientCert", "is required with a client key");
    }
    const chain = await this.#certificates("clientCert");
    const key = await this.#privateKey();
    const [own] = chain;
    if (own === undefined || key === undefined) return undefined;
    if (!belongs(own, key.object)) {
      const which = chain.length === 1 ? "certificate" : "first certificate";
      const words = `does not belong to the ${which} of`;
      const path = quotePath(clientCert);
      return this.#fileFault("clientKey", `${words} ${path}`);
    }
    const cert = chain.map(({ pem }) => pem).join("\n");
    const client = { cert, key: key.pem };
    this.#tryOut("clientKey", client);
    return client;
  }

  /** The certificates of a file: one or more, or else there is a fault. */
  async #certificates(option: TlsOption): Promise<Certificate[]> {
    const text = await this.#text(option);
    if (text === undefined) return [];
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) this.#fileFault(option, NO_CERTIFICATE);
    const certificates = blocks.flatMap((pem, index) => {
      try {
        return { pem, x509: new (nodeCrypto().X509Certificate)(pem) };
      } catch {
        const place = blocks.length === 1 ? "" : `, number ${index + 1}`;
        const words = `has a certificate that cannot be read${place}`;
        return this.#fileFault(option, words) ?? [];
      }
    });
    this.#noteTimes(this.#path(option), certificates);
    return certificates;
  }

  async #privateKey(): Promise<{ pem: string; object: KeyObject } | undefined> {
    const text = await this.#text("clientKey");
    if (text === undefined) return undefined;
    const fault = (words: string) => this.#fileFault("clientKey", words);
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

  #path(option: TlsOption): string {
    return this.parsed.settings[option] ?? "";
  }

  async #text(option: TlsOption): Promise<string | undefined> {
    const file = await readTextFile(this.#path(option));
    return "text" in file ? file.text : this.#fault(option, file.fault);
  }

  /** Some keys and certificates are sound, and yet not taken: short ones, say. */
  #tryOut(
    option: TlsOption,
    material: Deno.CreateHttpClientOptions & Partial<Deno.TlsCertifiedKeyPem>,
  ): void {
    try {
      Deno.createHttpClient(material).close();
    } catch (error) {
      this.#fileFault(option, `is not taken for TLS: ${messageOf(error)}`);
    }
  }

  /** A certificate out of its time may still be taken: it is told, no more. */
  #noteTimes(file: string, certificates: readonly Certificate[]): void {
    const note = (
      message: string,
      isSo: (x509: X509Certificate) => boolean,
    ) => {
      const subjects = certificates.map(({ x509 }) => x509).filter(isSo)
        .map((x509) =>
          `${x509.subject} (${x509.validFrom} to ${x509.validTo})`
        );
      if (subjects.length === 0) return;
      const fields = { file, subjects };
      this.parsed.notes.push({ level: "warn", message, fields });
    };
    note("certificates have expired", (x509) => +x509.validToDate < this.now);
    note(
      "certificates are not valid yet",
      (x509) => +x509.validFromDate > this.now,
    );
  }

  #fileFault(option: TlsOption, words: string): undefined {
    return this.#fault(option, `${quotePath(this.#path(option))} ${words}`);
  }

  #fault(option: TlsOption, words: string): undefined {
    this.parsed.fault(option, `${optionName(OPTIONS[option])} ${words}`);
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
