import { assertEquals } from "@std/assert";
import { runForMemory } from "./memory_run.ts";

// `deno task memory` does the same with hundreds of times as much, and compares
// how large the program is. More notifications than may wait have to go through.
for (const isOldTransport of [false, true]) {
  const transport = isOldTransport ? "HTTP+SSE" : "Streamable HTTP";
  Deno.test(`2,100 notifications and 100 calls all go through over ${transport}`, async () => {
    const { answered, received } = await runForMemory({
      notifications: 2_100,
      calls: 100,
      parts: 1,
      isOldTransport,
    });
    // With `initialize`, and the notification that follows it.
    assertEquals([answered, received], [101, 2_202]);
  });
}
