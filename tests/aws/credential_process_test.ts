/** The limit of time of a program that prints credentials. */

import { assertRejects } from "@std/assert";
import { runCredentialProcess } from "../../src/aws/credential_process.ts";
import { FileWatch } from "../../src/aws/credential_watch.ts";
import { CredentialsError } from "../../src/errors.ts";
import { SILENT_LOG } from "../../src/log.ts";
import { Redactor } from "../../src/redact.ts";
import { within } from "../support/deadline.ts";

Deno.test("a program's time is over though what it started holds its output", async () => {
  const search = {
    env: () => undefined,
    hiddenEnv: () => [],
    fetch,
    now: Date.now,
    log: SILENT_LOG,
    redactor: new Redactor(),
    watch: new FileWatch(),
  };
  const pid = await Deno.makeTempFile();
  const command = `sh -c 'sleep 60 & echo $! > ${pid}; wait'`;
  try {
    await assertRejects(
      () =>
        within(
          runCredentialProcess(search, "profile", command, 300),
          "the end of the program's time",
        ),
      CredentialsError,
      "it took too long",
    );
  } finally {
    Deno.kill(Number(await Deno.readTextFile(pid)), "SIGKILL");
    await Deno.remove(pid);
  }
});
