/**
 * The page of `record show --html` in a browser: left out unless BROWSER_PATH
 * names a Chromium or Chrome.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { htmlOf } from "../../src/commands/record/html.ts";
import { readRecording } from "../../src/recorder/read.ts";

const BROWSER = Deno.env.get("BROWSER_PATH");

const RECORDING = new URL("../recordings/lost_session.jsonl", import.meta.url);

/** What would be seen in the page if it ran. */
const HOSTILE = "<script>document.title = 'it ran'</script>" +
  "<img src=x onerror=\"document.title = 'it ran'\">";

Deno.test({
  name: "a browser draws each call of a recording, and runs nothing of it",
  ignore: BROWSER === undefined,
  async fn() {
    const directory = await Deno.makeTempDir();
    const { header, lines, unread } = await readRecording(RECORDING.pathname);
    const page = htmlOf({
      header: { ...header, target: HOSTILE },
      lines: [...lines, {
        seq: lines.length + 1,
        t: 1_000,
        kind: "log",
        level: "warn",
        message: HOSTILE,
      }],
      unread,
    });
    await Deno.writeTextFile(`${directory}/page.html`, page);
    const { code, stdout } = await new Deno.Command(BROWSER ?? "", {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        `--user-data-dir=${directory}/profile`,
        "--dump-dom",
        `file://${directory}/page.html`,
      ],
      stderr: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    const seen = new TextDecoder().decode(stdout);
    assertEquals(code, 0);
    assertMatch(seen, /<title>A recording of sigv4-proxy<\/title>/);
    assertEquals(seen.match(/<(?:script|img)\b/g), null);
    assertEquals(seen.match(/<tr/g)?.length, page.match(/<tr/g)?.length);
    await Deno.remove(directory, { recursive: true });
  },
});
