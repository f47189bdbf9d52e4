import { assert, assertEquals } from "@std/assert";
import { BlockBuffer } from "../../../src/mcp/wire/bytes.ts";
import { read } from "./small_pieces.ts";
import { outcomeOf } from "../../support/program/outcome.ts";

Deno.test("pieces of every size come back as they went in", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(50_000));
  const sizes = [1, 20_000, 900, 3, 16_384, 7, 12_000, 705];
  const kept = new BlockBuffer();
  for (let round = 0; round < 2; round++) {
    let at = 0;
    for (const size of sizes) {
      kept.push(bytes.slice(at, at + size));
      at += size;
    }
    assertEquals([at, kept.byteLength], [bytes.length, bytes.length]);
    assertEquals(kept.take(), bytes);
    assertEquals(kept.byteLength, 0);
  }
});

Deno.test("a piece that came alone is not copied, unless it has to be one's own", () => {
  const kept = new BlockBuffer();
  const alone = Uint8Array.of(1, 2, 3);
  kept.push(alone);
  assert(kept.take() === alone);
  kept.push(alone);
  const own = kept.takeOwn();
  assertEquals(own, alone);
  assert(own.buffer !== alone.buffer);
  for (const piece of [alone, alone]) kept.push(piece);
  assertEquals(kept.takeOwn(), Uint8Array.of(1, 2, 3, 1, 2, 3));
  assertEquals([kept.byteLength, kept.take()], [0, new Uint8Array()]);
});

Deno.test("small pieces do not keep the buffers that they came in", () => {
  for (const pieceBytes of [100, 1400, 10_000]) {
    const bytes = new Uint8Array(50_000);
    const kept = new BlockBuffer();
    for (const piece of read(bytes, pieceBytes)) kept.push(piece);
    const held = kept.take().buffer.byteLength;
    assert(held <= 2 * bytes.length, `${held} bytes for ${pieceBytes}`);
  }
});

for (const what of ["event", "line", "body"]) {
  Deno.test({
    name: `16 MiB in small pieces, read as one ${what}, take less than 300 MiB`,
    // The kernel's own account of the peak is in /proc.
    ignore: Deno.build.os !== "linux",
    async fn() {
      const script = new URL("./small_pieces.ts", import.meta.url);
      const { code, stdout, stderr } = await outcomeOf(Deno.execPath(), {
        args: [
          "run",
          "--allow-all",
          "--no-lock",
          "--no-check",
          script.href,
          what,
        ],
      });
      assertEquals(code, 0, stderr);
      const raised = Number(stdout);
      assert(raised > 0 && raised < 300, `peak memory rose by ${raised} MiB`);
    },
  });
}
