/**
 * Recordings that were changed, played: a replay ends, whatever is missing,
 * doubled or out of its order in one, and tells what differs.
 */

import { ConfigError } from "../../../src/errors.ts";
import type { Random } from "../../support/random.ts";
import { replay } from "../../recorder/recording.ts";
import { wrong } from "../fuzzer.ts";
import { anyJson, broken } from "../json_text.ts";

const RECORDINGS = new URL("../../recordings/", import.meta.url);
const NAMES = ["lost_session", "cut_stream", "refused"];

/** A recording with some of its lines changed. */
function changed(random: Random, text: string): Uint8Array {
  const lines = text.split("\n");
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = 1 + random.below(lines.length - 1);
    const changes = [
      () => lines.splice(at, 1),
      () => lines.splice(at, 0, lines[at]),
      () => lines.splice(at, 0, ...lines.splice(random.below(at) + 1, 1)),
      () =>
        lines[at] = lines[at].replace(
          /"(http|status|t|client)":[\d.]+/,
          `"$1":${random.pick(["0", "1", "99", "599", "-1", "1e300"])}`,
        ),
      () =>
        lines[at] = lines[at].replace(
          /"text":"(?:[^"\\]|\\.)*"/,
          () => `"text":${JSON.stringify(anyJson(random))}`,
        ),
      () =>
        lines[at] = lines[at].replace(
          /"(method|url|by|error)":"[^"]*"/,
          `"$1":${
            random.pick(['"GET"', '"x y"', '"cut"', '"(Connect)"', '""'])
          }`,
        ),
      () =>
        lines[at] = lines[at].replace(
          /"headers":\{/,
          `"headers":{${
            random.pick([
              '"x\\r\\n":"y"',
              '"x":"a\\u0000b"',
              '"é":"é"',
              '"content-length":"5"',
            ])
          },`,
        ),
    ];
    random.pick(changes)();
  }
  const bytes = new TextEncoder().encode(lines.join("\n"));
  return random.chance(0.1) ? broken(random, bytes) : bytes;
}

/** Plays recordings. */
export async function fuzzReplays(
  random: Random,
  cases: number,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    for (let left = cases; left > 0; left--) {
      const name = new URL(`${random.pick(NAMES)}.jsonl`, RECORDINGS);
      const written = changed(random, await Deno.readTextFile(name));
      await Deno.writeFile(path, written);
      try {
        const { text: shown } = await replay(path, "--fast");
        // deno-lint-ignore no-control-regex
        if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(shown)) {
          wrong("a control character is shown", shown);
        }
      } catch (error) {
        if (!(error instanceof ConfigError)) {
          wrong(
            `it failed: ${error instanceof Error ? error.stack : error}`,
            written,
          );
        }
      }
    }
  } finally {
    await Deno.remove(path);
  }
}
