/** A file for each option that names one. */

import { Authority } from "../net/certificates.ts";

/** Files in a directory of their own. */
export interface OptionFiles extends AsyncDisposable {
  readonly headers: string;
  readonly caCert: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** What is in the last three, without the newline at the end. */
  readonly tls: {
    readonly caCerts: readonly string[];
    readonly client: { readonly cert: string; readonly key: string };
  };
}

/**
 * Writes the files.
 *
 * @param headers The text of the file of headers.
 * @returns Their paths.
 */
export async function optionFiles(headers: string): Promise<OptionFiles> {
  const directory = await Deno.makeTempDir();
  const root = new Authority({ name: "a root" });
  const { cert, key } = root.issue({ name: "a client" });
  const write = async (name: string, text: string): Promise<string> => {
    const path = `${directory}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  };
  return {
    headers: await write("headers", headers),
    caCert: await write("root.pem", root.cert),
    clientCert: await write("client.pem", cert),
    clientKey: await write("client.key", key),
    tls: {
      caCerts: [root.cert.trim()],
      client: { cert: cert.trim(), key: key.trim() },
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Deno.remove(directory, { recursive: true });
    },
  };
}
