/** What the program says in a recording of itself, and when it ends one. */

import { assertEquals } from "@std/assert";
import { endLimitMs } from "../../src/commands/recording.ts";
import { RecordingDirectory } from "../recorder/recording.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { NOBODY } from "../support/net/nobody.ts";

Deno.test("the end of a recording has what a drain has not used, a moment at a forced stop, and 5 s at most", () => {
  const rows: [
    stoppedMs: number | undefined,
    drainMs: number | undefined,
    limit: number,
  ][] = [
    [undefined, undefined, 5_000],
    [undefined, 25_000, 5_000],
    [0, undefined, 80],
    [0, 0, 80],
    [0, 25_000, 5_000],
    [24_000, 25_000, 1_080],
    [25_000, 25_000, 80],
    [60_000, 25_000, 80],
    [0, 300, 380],
  ];
  for (const [stoppedMs, drainMs, limit] of rows) {
    assertEquals(endLimitMs(stoppedMs, drainMs), limit, `${stoppedMs}`);
  }
});

Deno.test("a recording's header says whether logins were asked for", async () => {
  for (const args of [[], ["--login"]]) {
    await using directory = await RecordingDirectory.make();
    await using proxy = await ProxyProcess.startHere({
      target: NOBODY,
      args: ["--record", directory.path, ...args],
    });
    await proxy.closeStdin();
    await proxy.status();
    const [header] = (await Deno.readTextFile(directory.path)).split("\n");
    assertEquals(JSON.parse(header).login, args.length > 0);
  }
});
