/** What the doctor says of a login: whether it could begin, and nobody is asked. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { SignInPeer } from "../../support/aws/sign_in_peer.ts";
import { TEST_CREDENTIALS } from "../../support/aws/test_identity.ts";
import { CommandWorld, SSO_PROFILE } from "../command_world.ts";
import { diagnose } from "./run.ts";

const CACHE = ".aws/sso/cache";
const NAME = createHash("sha1").update("corp").digest("hex");

/** A machine whose SSO session is good, or over. */
async function machine(isGood: boolean) {
  await using stack = new AsyncDisposableStack();
  const peer = stack.use(new SignInPeer(TEST_CREDENTIALS));
  const server = stack.use(await RawServer.start(mcp({})));
  const world = stack.use(
    await CommandWorld.make({
      AWS_ENDPOINT_URL_SSO: peer.url,
      AWS_ENDPOINT_URL_SSO_OIDC: peer.url,
    }),
  );
  await world.write(".aws/config", SSO_PROFILE);
  if (isGood) {
    peer.tokens.add("good");
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const token = JSON.stringify({ accessToken: "good", expiresAt });
    await world.write(`${CACHE}/${NAME}.json`, token);
  }
  const own = stack.move();
  return {
    peer,
    world,
    diagnose: (...args: string[]) =>
      diagnose(world, server.url, "--profile=work", ...args),
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}

for (const isGood of [true, false]) {
  Deno.test(`a session that is ${isGood ? "good" : "over"} has the doctor say that a login could begin: nobody is asked, and no lock is left`, async () => {
    await using m = await machine(isGood);
    const { status, detail } = (await m.diagnose("--login")).step("login");
    assertEquals(status, "ok");
    const path = m.world.path(`${CACHE}/${NAME}.json`);
    assertEquals(detail, `could begin; its token goes to ${path}`);
    const asked = m.peer.requests.all.map(({ path }) => path);
    assertEquals(asked, ["/client/register"]);
    const left = [...Deno.readDirSync(m.world.path(CACHE))];
    assertEquals(left.length, isGood ? 1 : 0);
  });
}

Deno.test("a sign-in service that refuses, or is not there, keeps a login from beginning, which is no fault", async () => {
  await using m = await machine(true);
  m.peer.status = 400;
  const refused = (await m.diagnose("--login")).step("login");
  assertEquals(refused.status, "note");
  assertStringIncludes(refused.detail, "refused: unwell");
  await using other = await CommandWorld.make({
    AWS_ENDPOINT_URL_SSO: m.peer.url,
    AWS_ENDPOINT_URL_SSO_OIDC: "http://127.0.0.1:9",
  });
  for (const name of [".aws/config", `${CACHE}/${NAME}.json`]) {
    await other.write(name, await Deno.readTextFile(m.world.path(name)));
  }
  await using server = await RawServer.start(mcp({}));
  const args = ["--profile=work", "--login"];
  const gone = (await diagnose(other, server.url, ...args)).step("login");
  assertEquals(gone.status, "note");
  assertStringIncludes(gone.detail, "127.0.0.1:9 was not reached");
});

Deno.test("a token's directory that cannot be written to has the doctor say that the token would stay in memory", async () => {
  await using m = await machine(false);
  // No directory can be made below a file.
  await m.world.write(".aws/sso", "");
  const { status, detail } = (await m.diagnose("--login")).step("login");
  assertEquals(status, "note");
  assertStringIncludes(detail, "would stay in memory");
});

Deno.test("without --login the doctor asks the sign-in service nothing", async () => {
  await using m = await machine(true);
  const { steps } = await m.diagnose();
  assertEquals(steps.filter(({ id }) => id === "login"), []);
  assertEquals(m.peer.requests.length, 0);
});
