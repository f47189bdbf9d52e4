/** What becomes of a recording when something happens to its file. */
import { assert, assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../src/log/log.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { loadRecording } from "../../src/recorder/read.ts";
import { Recorder } from "../../src/recorder/recorder.ts";
import type { RecordingHeader } from "../../src/recorder/format.ts";
import { RecordingFile } from "../../src/recorder/recording_file.ts";
import { StandIns } from "../../src/recorder/stand_ins.ts";
import { within } from "../support/time/deadline.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { RecordingDirectory } from "./recording.ts";

const CALL = { name: "work", arguments: { text: "y".repeat(500) } };
const LETTER = "a letter\n";

const HEADER: RecordingHeader = {
  recording: "sigv4-proxy",
  format: 1,
  version: "0.1.0",
  deno: "2.9.6",
  os: "linux",
  startedAt: "2026-01-01T00:00:00.000Z",
  target: "https://mcp.example/mcp",
  mode: "stdio",
  options: [],
  bodies: false,
};

Deno.test({
  name: "a file that is put in the place of a recording is left as it is",
  // An open file cannot be removed there.
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await RecordingDirectory.make();
    await using server = await RawServer.start(mcp({}));
    await using proxy = await directory.startHere({
      target: server.url,
      args: ["--record-max", "16KiB"],
    });
    await proxy.initialize();
    await Deno.remove(directory.path);
    await Deno.writeTextFile(directory.path, LETTER);
    for (let call = 0; call < 60; call++) {
      await proxy.request("tools/call", CALL);
    }
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
    assertEquals(await Deno.readTextFile(directory.path), LETTER);
  },
});

Deno.test("of a recording that was being made one file each line is there once", async () => {
  await using directory = await RecordingDirectory.make();
  const line = (seq: number) =>
    `{"seq":${seq},"t":${seq},"kind":"recovered"}\n`;
  const head = JSON.stringify(HEADER);
  const [older, newer] = [[1, 2].map(line).join(""), [3, 4].map(line).join("")];
  for (const joined of ["", line(3), newer, newer.slice(0, -9)]) {
    await Deno.writeTextFile(directory.path, `${head}\n${newer}`);
    const text = `${head}\n${older}${joined}`;
    await Deno.writeTextFile(`${directory.path}.older`, text);
    const { lines } = await loadRecording(directory.path, OPTION_NAMES);
    assertEquals(lines.map(({ seq }) => seq), [1, 2, 3, 4]);
  }
});

Deno.test("a turn that took long is not rested from while nothing passes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let writes = 0;
  const say = (): void =>
    recorder.observer.received(new TextEncoder().encode("{}"));
  await using recorder = new Recorder({
    names: OPTION_NAMES,
    out: {
      write() {
        if (++writes === 2) resolve();
        if (writes === 1) {
          // As on a machine that is busy with something else.
          const until = performance.now() + 1_000;
          while (performance.now() < until);
          say();
        }
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    standIns: new StandIns((text) => text, false),
    log: SILENT_LOG,
  });
  say();
  await within(promise, "the next turn", 60_000);
});

Deno.test("a line that is larger than a part is left out, and a recording never over its size", async () => {
  await using directory = await RecordingDirectory.make();
  const maxBytes = 4_096;
  const file = RecordingFile.create({
    path: directory.path,
    names: OPTION_NAMES,
    maxBytes,
    header: HEADER,
  });
  const line = (seq: number, more = "") =>
    `{"seq":${seq},"t":1,"kind":"recovered","more":"${more}"}\n`;
  await file.write([line(1), line(2, "x".repeat(maxBytes)), line(3)]);
  assertEquals(file.hasLost, true);
  await file.close();
  const { size } = await Deno.stat(directory.path);
  assert(size <= maxBytes, `${size}`);
  const { lines } = await loadRecording(directory.path, OPTION_NAMES);
  assertEquals(lines.map(({ seq }) => seq), [1, 3]);
});
