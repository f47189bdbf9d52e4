/** The curve of v4a: which one signs, and when it warms up. */

import { assertEquals } from "@std/assert";
import { Curve } from "../../../src/aws/signing/v4a.ts";
import { Sha256 } from "../../../src/aws/signing/hash.ts";
import { createSigner } from "../../../src/aws/signing/signer.ts";

const KEY = new Uint8Array(32).fill(1);

Deno.test("the first signature is native, and the table signs once it is there", async () => {
  const curve = new Curve(() => Promise.resolve("scripted"));
  assertEquals((await curve.sign(KEY, "text")).startsWith("30"), true);
  await curve.warmUp();
  assertEquals(await curve.sign(KEY, "text"), "scripted");
});

Deno.test("the native curve goes on signing where the table cannot be computed", async () => {
  const curve = new Curve(() => Promise.reject(new Error("no such curve")));
  await curve.warmUp();
  assertEquals((await curve.sign(KEY, "text")).startsWith("30"), true);
});

Deno.test("the curve warms up by itself after the first signature, and once", async () => {
  const asked = Promise.withResolvers<void>();
  const curve = new Curve(() => {
    asked.resolve();
    return Promise.resolve("scripted");
  });
  await curve.sign(KEY, "text");
  await asked.promise;
  assertEquals(curve.warmUp(), curve.warmUp());
  await curve.warmUp();
  assertEquals(await curve.sign(KEY, "text"), "scripted");
});

Deno.test("the key of v4a is derived once for the same credentials", async () => {
  const credentials = [
    { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" },
    { accessKeyId: "AKIDOTHER", secretAccessKey: "another-secret" },
  ];
  let [current] = credentials;
  const signer = createSigner({
    service: "execute-api",
    region: "eu-west-1",
    signatureVersion: "v4a",
    credentials: () => Promise.resolve(current),
  });
  const digest = Sha256.prototype.digest;
  let count = 0;
  Sha256.prototype.digest = function (this: Sha256) {
    count++;
    return Reflect.apply(digest, this, []);
  };
  const counted = async (): Promise<number> => {
    count = 0;
    await signer.sign(new Request("http://127.0.0.1/mcp"));
    return count;
  };
  try {
    const first = await counted();
    const second = await counted();
    assertEquals(first - second, 1);
    current = credentials[1];
    assertEquals(await counted(), first);
  } finally {
    Sha256.prototype.digest = digest;
    await signer.warmUp();
  }
});
