/**
 * What asking for credentials costs a request when nothing has changed: below
 * 10 µs, from wherever they came.
 */

import { CredentialCache } from "../../../src/aws/credentials/cache.ts";
import { createCredentialSource } from "../../../src/aws/credentials/credentials.ts";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Redactor } from "../../../src/redact/redact.ts";

const home = Deno.makeTempDirSync();
Deno.mkdirSync(`${home}/.aws`);
Deno.writeTextFileSync(`${home}/.aws/config`, "[default]\nregion=eu-west-1\n");
Deno.writeTextFileSync(
  `${home}/.aws/credentials`,
  "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=file-secret\n",
);
Deno.writeTextFileSync(
  `${home}/only-config`,
  "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=file-secret\n",
);
addEventListener("unload", () => Deno.removeSync(home, { recursive: true }));

/** A source that has loaded, in an environment of these variables. */
async function loaded(variables: Record<string, string>) {
  const source = createCredentialSource({ env: (name) => variables[name] });
  await source.get();
  return source;
}

const fromEnvironment = await loaded({
  AWS_ACCESS_KEY_ID: "AKIAENV",
  AWS_SECRET_ACCESS_KEY: "environment-secret",
});
const fromFiles = await loaded({ HOME: home });
const fromOneFile = await loaded({
  HOME: home,
  AWS_CONFIG_FILE: `${home}/only-config`,
  AWS_SHARED_CREDENTIALS_FILE: `${home}/missing`,
});

// As with SSO: both shared files, and the session's token.
const fromSession = new CredentialCache(async (watch) => {
  await watch.see(`${home}/.aws/config`);
  await watch.see(`${home}/.aws/credentials`);
  await watch.see(`${home}/only-config`);
  return { accessKeyId: "ASIASSO", secretAccessKey: "sso-secret" };
}, { now: Date.now, log: SILENT_LOG, redactor: new Redactor() });
await fromSession.get();

Deno.bench("credentials from the environment", async () => {
  await fromEnvironment.get();
});

Deno.bench("credentials from two shared files", async () => {
  await fromFiles.get();
});

Deno.bench("credentials from one shared file, the other missing", async () => {
  await fromOneFile.get();
});

Deno.bench("credentials from two shared files and a session", async () => {
  await fromSession.get();
});
