/** Whole-program tests: headers from variables and from a file. */
import {
  assertEquals,
  assertNotMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("headers from variables and from a file are signed and sent, and in no log line", async () => {
  await using server = await RawServer.start({
    handler: mcp({
      echo: (_message, reply, request) =>
        reply.json(
          { error: `${request.header("x-key")} ${request.header("x-file")}` },
          500,
        ),
    }),
    verifier: TEST_VERIFIER,
  });
  await using temp = await tempDir({
    headers:
      "# who we are\n\nX-File: a-file-secret\nX-Both: \${TEAM_KEY}, $\${plain}\n",
  });
  await using proxy = await ProxyProcess.start({
    target: server.url,
    args: ["--header", "X-Key: Key ${TEAM_KEY}", "--log-level=debug"],
    env: {
      TEAM_KEY: "a-variable-secret",
      MCP_HEADER_FILE: `${temp.path}/headers`,
      MCP_HEADERS: "X-Id=${TEAM_ID}",
      TEAM_ID: "a,b=c",
    },
    permissions: { env: ["TEAM_*"], read: [temp.path] },
  });
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
  const [request] = server.requests.all;
  assertEquals(request.verdict?.ok, true);
  assertEquals(
    ["x-key", "x-file", "x-both", "x-id"].map((name) => request.header(name)),
    [
      "Key a-variable-secret",
      "a-file-secret",
      "a-variable-secret, ${plain}",
      "a,b=c",
    ],
  );
  await proxy.request("echo");
  await proxy.closeStdin();
  await proxy.status();
  assertStringIncludes(proxy.stderr, '"echo"');
  assertEquals(proxy.stderr.includes("a-variable-secret"), false);
  assertEquals(proxy.stderr.includes("a-file-secret"), false);
});

Deno.test("a variable that is not set, or is AWS's own secret, is a fault that names it", async () => {
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    args: [
      "--header=X-A: ${TEAM_KEY}",
      "--header=X-B: ${AWS_SECRET_ACCESS_KEY}",
    ],
    // Set, but not to be read.
    env: { TEAM_KEY: "a-variable-secret" },
  });
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(
    proxy.stderr,
    "header X-A (--header number 1) names TEAM_KEY, which is not set or may " +
      "not be read (set TEAM_KEY, with --allow-env=TEAM_KEY",
  );
  assertStringIncludes(
    proxy.stderr,
    "header X-B (--header number 2) names AWS_SECRET_ACCESS_KEY, a secret of AWS's",
  );
  assertNotMatch(proxy.stderr, /a-variable-secret|a-secret-that/);
});
