/** Programs that print credentials: what they may say, print and outlive. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runCredentialProcess } from "../../../../src/aws/credentials/sources/process.ts";
import { createCredentialSource } from "../../../../src/aws/credentials/credentials.ts";
import { CredentialsError } from "../../../../src/errors.ts";
import { Clock } from "../../../support/time/clock.ts";
import { within } from "../../../support/time/deadline.ts";
import { ProxyProcess } from "../../../support/program/proxy_process.ts";
import { World } from "../world.ts";
import { searchOf } from "./search.ts";
import { keptLog } from "../../../support/kept_log.ts";
import { NOBODY } from "../../../support/net/nobody.ts";

const SECRETS = [
  "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  "hunter2hunter2",
  "FwoGZXIvYXdzEBYaDH-tokenOfTheSession==",
];

/** What comes of a program as the default profile's, and all that is logged. */
async function outcomeOf(
  world: World,
  script: string,
): Promise<{ error: CredentialsError; lines: string }> {
  const tool = world.write("tool.sh", script);
  world.write(
    ".aws/config",
    `[default]\ncredential_process = sh ${tool} --password hunter2hunter2\n`,
  );
  const { log, lines } = keptLog();
  const error = await assertRejects(
    () => createCredentialSource({ env: world.env(), log }).get(),
    CredentialsError,
  );
  return { error, lines: lines.join("\n") };
}

Deno.test("a program that traces itself and fails puts no secret into the error or the log", async () => {
  using world = new World();
  const [secret, , token] = SECRETS;
  const { error, lines } = await outcomeOf(
    world,
    `set -x\nexport AWS_SECRET_ACCESS_KEY=${secret}\n` +
      `curl_it() { :; }\ncurl_it -H "Authorization: Bearer ${token}"\n` +
      `echo '{"SecretAccessKey": "${secret}"}' >&2\n` +
      `echo "token is ${token}" >&2\nexit 1\n`,
  );
  assertStringIncludes(
    error.message,
    "credential_process sh ended with exit code 1",
  );
  const shown = error.message + JSON.stringify(error.data) + lines;
  for (const one of SECRETS) assertFalse(shown.includes(one), one);
  // The debug log keeps what is prose.
  assertStringIncludes(lines, "token is [redacted]");
});

Deno.test("what a failing program says is in the debug log and not in the error", async () => {
  using world = new World();
  const { error, lines } = await outcomeOf(
    world,
    "echo 'the vault is sealed' >&2\nexit 3\n",
  );
  assertStringIncludes(error.message, "ended with exit code 3");
  assertFalse(JSON.stringify([error.message, error.data]).includes("vault"));
  assertStringIncludes(lines, "the vault is sealed");
});

Deno.test("a program that complains without end is heard to its end, and little is kept", async () => {
  using world = new World();
  const { lines } = await outcomeOf(
    world,
    "head -c 3000000 /dev/zero | tr '\\0' 'n' >&2\nexit 3\n",
  );
  assert(lines.length < 10_000, `${lines.length} characters are logged`);
});

Deno.test("a program that prints without end is stopped at 64 KiB", async () => {
  using world = new World();
  const { error } = await outcomeOf(world, "exec yes\n");
  assertStringIncludes(error.message, "it printed more than 65536 bytes");
});

Deno.test("a program that was ended is not called one that could not be run (W)", async () => {
  using world = new World();
  const { error } = await outcomeOf(world, "exec yes\n");
  assertStringIncludes(error.message, "credential_process sh was ended: it");
});

Deno.test("a script whose interpreter is missing is not called missing (W)", async () => {
  using world = new World();
  const tool = world.write("tool", "#!/no/such/interpreter\n");
  Deno.chmodSync(tool, 0o755);
  world.write(".aws/config", `[default]\ncredential_process = ${tool}\n`);
  await assertRejects(
    () => createCredentialSource({ env: world.env() }).get(),
    CredentialsError,
    "the program that its first line (#!) names is not there",
  );
});

Deno.test("a variable before the program shows its value nowhere (L1)", async () => {
  using world = new World();
  for (const word of ["SECRET_TOKEN=hunter2", "a-b=hunter2", '"X=hunter2"']) {
    world.write(
      ".aws/config",
      `[default]\ncredential_process = ${word} /bin/true\n`,
    );
    const { log, lines } = keptLog();
    const error = await assertRejects(
      () => createCredentialSource({ env: world.env(), log }).get(),
      CredentialsError,
      "begins with a variable, which only a shell sets",
    );
    const shown = JSON.stringify([error.message, error.data, lines]);
    assertFalse(shown.includes("hunter2"), shown);
    const { message, data } = await world.probe({
      flags: ["--allow-env=AWS_*,HOME", `--allow-read=${world.home}`],
    });
    assertFalse(JSON.stringify([message, data]).includes("hunter2"));
  }
});

Deno.test("what a program says in UTF-16 is masked as it is in UTF-8 (L2)", async () => {
  using world = new World();
  const said = "password: hunter2\n";
  const file = world.path("said");
  Deno.writeFileSync(
    file,
    Uint8Array.from(
      [0xff, 0xfe, ...said].flatMap((one) =>
        typeof one === "number" ? [one] : [one.charCodeAt(0), 0]
      ),
    ),
  );
  const { lines } = await outcomeOf(world, `cat ${file} >&2\nexit 1\n`);
  assertFalse(lines.replaceAll("\\u0000", "").includes("hunter2"), lines);
});

Deno.test("a program's time is over though what it started holds its output", async () => {
  using world = new World();
  const pid = world.path("pid");
  await new Deno.Command("mkfifo", { args: [pid] }).output();
  const command = `sh -c 'sleep 60 & echo $! > ${pid}; wait'`;
  let held = 0;
  {
    using clock = new Clock();
    const over = assertRejects(
      () =>
        within(
          runCredentialProcess(searchOf(), command, 60_000),
          "the end of the program's time",
        ),
      CredentialsError,
      "it took too long",
    );
    held = Number(await within(Deno.readTextFile(pid), "the program"));
    await clock.pass(61_000);
    await over;
  }
  await ended(held);
});

for (const flags of [["--allow-all"], undefined]) {
  const how = flags === undefined ? "narrow" : "all";
  Deno.test(`a program that hangs does not outlive the proxy, with ${how} permissions`, async () => {
    using world = new World();
    const fifo = world.path("fifo");
    const sleep = flags === undefined ? "exec sleep 100" : "sleep 100; true";
    const tool = world.write(
      "tool.sh",
      `#!/bin/sh\necho $$ > ${fifo}\n${sleep}\n`,
    );
    await Deno.chmod(tool, 0o755);
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    world.write(".aws/config", `[default]\ncredential_process = ${tool}\n`);
    await using proxy = await ProxyProcess.start({
      target: NOBODY,
      home: world.home,
      env: { AWS_ACCESS_KEY_ID: undefined },
      permissions: { run: [tool] },
      permissionFlags: flags,
    });
    const pid = Number(
      await within(Deno.readTextFile(fifo), "the program to run"),
    );
    assert(isRunning(pid));
    proxy.signal("SIGTERM");
    assertEquals((await proxy.status()).code, 0);
    await ended(pid);
  });
}

Deno.test("a program's times are those that the AWS CLI takes", async () => {
  using world = new World();
  const printed = world.path("printed");
  world.write(
    ".aws/config",
    `[default]\ncredential_process = cat ${printed}\n`,
  );
  const ask = (Expiration: unknown) => {
    const keys = { AccessKeyId: "AKIAX", SecretAccessKey: "secret-of-x" };
    Deno.writeTextFileSync(
      printed,
      JSON.stringify({ Version: 1, ...keys, Expiration }),
    );
    return createCredentialSource({ env: world.env() }).get();
  };
  const end = new Date("2099-01-01T00:00:00Z");
  const same = ["2099-01-01T00:00:00UTC", "20990101T000000Z", 4070908800];
  for (const written of [...same, 4070908800000]) {
    assertEquals((await ask(written)).expiration, end);
  }
  assertEquals((await ask(undefined)).expiration, undefined);
  assertEquals((await ask(null)).expiration, undefined);
  const deep: unknown = JSON.parse("[".repeat(30_000) + "]".repeat(30_000));
  const noText = { toString: 1 };
  const wrong = [
    "",
    "soon",
    true,
    {},
    [],
    noText,
    deep,
    "2099-13-01T00:00:00Z",
  ];
  for (const written of wrong) {
    await assertRejects(() => ask(written), CredentialsError, "ISO 8601");
  }
  for (const written of [1, "2020-01-01T00:00:00UTC", 1_577_836_800_000]) {
    await assertRejects(() => ask(written), CredentialsError, "expired at");
  }
});

function isRunning(pid: number): boolean {
  try {
    // A process that has ended and that nobody waited for is a zombie.
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^\d+ \(.*\) [ZX]/s.test(stat);
  } catch {
    return false;
  }
}

async function ended(pid: number): Promise<void> {
  const gone = (async () => {
    while (isRunning(pid)) await new Promise((wake) => setTimeout(wake, 5));
  })();
  await within(gone, `process ${pid} to end`);
}
