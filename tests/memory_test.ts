import { assertEquals } from "@std/assert";
import { runForMemory } from "./support/memory_run.ts";

// `deno task memory` does the same with a hundred times as much, and compares
// how large the program is.
for (const isOldTransport of [false, true]) {
  const transport = isOldTransport ? "HTTP+SSE" : "Streamable HTTP";
  Deno.test(`ten thousand notifications and a thousand calls all go through over ${transport}`, async () => {
    const { answered, received } = await runForMemory({
      notifications: 10_000,
      calls: 1_000,
      isOldTransport,
    });
    // With `initialize`, and the notification that follows it.
    assertEquals([answered, received], [1_001, 11_002]);
  });
}
