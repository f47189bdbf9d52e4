import { assertEquals } from "@std/assert";
import { runForMemory } from "./memory_run.ts";

// `deno task memory` does the same with hundreds of times as much, and compares
// how large the program is. More notifications than may wait have to go through.
for (const isOldTransport of [false, true]) {
  const transport = isOldTransport ? "HTTP+SSE" : "Streamable HTTP";
  Deno.test(`three thousand notifications and three hundred calls all go through over ${transport}`, async () => {
    const { answered, received } = await runForMemory({
      notifications: 3_000,
      calls: 300,
      parts: 1,
      isOldTransport,
    });
    // With `initialize`, and the notification that follows it.
    assertEquals([answered, received], [301, 3_302]);
  });
}
