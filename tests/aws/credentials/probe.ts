/**
 * Asks for credentials at each line on stdin, with the options in its first
 * argument, and prints what came of it: run as a process of its own, with an
 * environment and permissions of its own.
 */

import {
  createCredentialSource,
  type CredentialSourceOptions,
} from "../../../src/aws/credentials/credentials.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import { keptLog } from "../../support/kept_log.ts";

const options: CredentialSourceOptions = JSON.parse(Deno.args[0]);
const { log, lines } = keptLog();
const redactor = new Redactor();
const source = createCredentialSource({ ...options, log, redactor });

async function ask(): Promise<unknown> {
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
}

for await (const chunk of Deno.stdin.readable) {
  if (chunk.includes(10)) console.log(JSON.stringify(await ask()));
}
