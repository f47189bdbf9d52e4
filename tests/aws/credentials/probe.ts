/**
 * Asks for credentials, and says what came of it. As a process of its own, with
 * an environment and permissions of its own, it asks at each line on stdin, with
 * the options in its first argument.
 */

import {
  createCredentialSource,
  type CredentialSourceOptions,
} from "../../../src/aws/credentials/credentials.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import { keptLog } from "../../support/kept_log.ts";

/** What asks one source, as often as it is called. */
export function asker(
  options: CredentialSourceOptions,
): () => Promise<unknown> {
  const { log, lines } = keptLog();
  const redactor = new Redactor();
  const source = createCredentialSource({ ...options, log, redactor });
  return async () => {
    lines.length = 0;
    try {
      const credentials = await source.get();
      const masked = redactor.redact(
        `${credentials.secretAccessKey} ${credentials.sessionToken}`,
      );
      return { credentials, masked, lines };
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      const { message, data, stack } = error;
      return { message, data, stack, lines };
    }
  };
}

if (import.meta.main) {
  const ask = asker(JSON.parse(Deno.args[0]));
  for await (const chunk of Deno.stdin.readable) {
    if (chunk.includes(10)) console.log(JSON.stringify(await ask()));
  }
}
