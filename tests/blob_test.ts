/** Bytes that are given away for a body. */
import { assertEquals } from "@std/assert";
import { bodyOfInit } from "../src/aws/signing/body.ts";
import { blobOf, giveAway, keep, replace } from "../src/blob.ts";

const bytes = () => new Uint8Array(100_000).fill(1);

Deno.test("bytes that were given away are gone once their Blob is hashed, and the Blob has them", async () => {
  for (const unsigned of [false, true]) {
    const given = giveAway(bytes());
    const blob = blobOf(given);
    await bodyOfInit(blob, unsigned);
    assertEquals([given.length, await blob.bytes()], [0, bytes()]);
    // As when it is sent once more.
    const { payloadHash } = await bodyOfInit(blob, false);
    assertEquals(payloadHash, (await bodyOfInit(bytes(), false)).payloadHash);
  }
});

Deno.test("bytes that nobody gave away, or that someone keeps, are not touched", async () => {
  const mine = bytes();
  await bodyOfInit(blobOf(mine), false);
  const kept = giveAway(bytes());
  keep(kept);
  await bodyOfInit(blobOf(kept), false);
  assertEquals([mine, kept], [bytes(), bytes()]);
});

Deno.test("what is put in place of bytes that were given away is given away in turn", async () => {
  const [first, second, mine] = [giveAway(bytes()), bytes(), bytes()];
  assertEquals(replace(first, first).length, 100_000);
  assertEquals(replace(mine, second), second);
  await bodyOfInit(blobOf(second), false);
  assertEquals([mine.length, second.length], [100_000, 100_000]);
  replace(first, second);
  await bodyOfInit(blobOf(second), false);
  assertEquals([first.length, second.length], [0, 0]);
});
