/** Requests signed in the query. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { ConfigError } from "../../../src/errors.ts";
import { send, SESSION, SIGNER, startGate } from "./signer_world.ts";

Deno.test("a signed link verifies without any header", async () => {
  await using gate = await startGate({ principals: { AKIDEXAMPLE: SESSION } });
  const signer = createSigner({ ...SIGNER, credentials: SESSION });
  const link = await signer.presign(
    new Request(new URL("/a%2Fb?c=+&c=1&d", gate.origin)),
    { expiresInSeconds: 60 },
  );
  const record = await send(gate, new Request(link));
  assertStringIncludes(record.target, "/a%2Fb?c=%20&c=1&d&X-Amz-");
});

Deno.test("a signed link is good for its time and no longer", async () => {
  let now = Date.UTC(2026, 0, 1);
  await using gate = await startGate({ clock: () => now });
  const signer = createSigner({ ...SIGNER, now: () => now });
  const link = await signer.presign(new Request(gate.origin), {
    expiresInSeconds: 60,
  });
  now += 59_000;
  await send(gate, new Request(link));
  now += 2_000;
  const late = await fetch(link);
  assertEquals(late.status, 403);
  assertStringIncludes(await late.text(), "Signature expired");
});

Deno.test("a session token that is not to be signed stands behind the signature in a link", async () => {
  const { sessionToken, ...keys } = SESSION;
  const link = async (credentials: typeof keys, signSessionToken: boolean) => {
    const now = () => Date.UTC(2026, 0, 1);
    const options = { ...SIGNER, credentials, now, signSessionToken };
    const signer = createSigner(options);
    const request = new Request("https://api.example/mcp?a=1");
    return (await signer.presign(request, { expiresInSeconds: 60 })).href;
  };
  const token = `X-Amz-Security-Token=${encodeURIComponent(sessionToken)}`;
  const plain = await link(keys, true);
  assertEquals(await link(SESSION, false), `${plain}&${token}`);
  assertStringIncludes(await link(SESSION, true), `${token}&X-Amz-Algorithm`);
});

Deno.test("a signed link to S3 leaves the payload out", async () => {
  await using gate = await startGate({
    service: "s3",
    normalizePath: false,
    doubleEncodePath: false,
    allowUnsignedPayload: true,
  });
  const signer = createSigner({ ...SIGNER, service: "s3" });
  const link = await signer.presign(
    new Request(new URL("/bucket/a%20key", gate.origin), { method: "PUT" }),
    { expiresInSeconds: 60 },
  );
  await send(gate, new Request(link, { method: "PUT", body: "any" }));
});

Deno.test("headers named x-amz-* move to a link's query, and others are signed with it", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const headers = { "x-amz-target": "a b/c", "x-team": "blue" };
  const link = await signer.presign(
    new Request(new URL("/mcp", gate.origin), { headers }),
    { expiresInSeconds: 60 },
  );
  assertEquals(link.searchParams.get("x-amz-target"), "a b/c");
  await send(gate, new Request(link, { headers: { "x-team": "blue" } }));
  const other = await fetch(link, { headers: { "x-team": "red" } });
  assertEquals(other.status, 403);
  await other.body?.cancel();
});

Deno.test("a link cannot be signed for no time, for more than a week, or with v4a", async () => {
  const signer = createSigner(SIGNER);
  const request = (): Request => new Request("https://a.example/");
  for (const expiresInSeconds of [0, -1, NaN, 604_801]) {
    await assertRejects(
      () => signer.presign(request(), { expiresInSeconds }),
      ConfigError,
      "expiresInSeconds must be a number of seconds from 1 to 604800",
    );
  }
  // As a program without types asks for one.
  for (const link of [undefined, null, {}, { expiresInSeconds: "60" }]) {
    await assertRejects(
      () => signer.presign(request(), link as never),
      ConfigError,
    );
  }
  const v4a = createSigner({ ...SIGNER, signatureVersion: "v4a" });
  await assertRejects(
    () => v4a.presign(request(), { expiresInSeconds: 60 }),
    TypeError,
    "v4a",
  );
});
