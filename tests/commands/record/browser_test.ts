/**
 * The page of `record show --html` in a browser: left out unless BROWSER_PATH
 * names a Chromium or Chrome.
 */
import { assertEquals } from "@std/assert";
import { htmlOf } from "../../../src/commands/record/html.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { loadRecording } from "../../../src/recorder/read.ts";
import { linesOf } from "../../support/lines.ts";

const BROWSER = Deno.env.get("BROWSER_PATH");

const RECORDING = new URL(
  "../../recordings/lost_session.jsonl",
  import.meta.url,
);

/** What would be seen in the page if it ran. */
const HOSTILE = "<script>document.title = 'it ran'</script>" +
  "<img src=x onerror=\"document.title = 'it ran'\">";

/** What the page is asked, once it is there. */
const SEEN = `new Promise((resolve) => {
  const told = () => resolve(JSON.stringify([
    document.title,
    document.querySelectorAll("script, img").length,
    document.querySelectorAll("tbody tr").length,
    [...document.querySelectorAll("rect")]
      .filter((bar) => bar.getBoundingClientRect().width > 0).length,
    performance.getEntriesByType("resource").length,
  ]));
  if (document.readyState === "complete") told();
  else addEventListener("load", told);
})`;

/** Asks a browser of a page, by the protocol of its developer tools. */
async function askBrowser(browser: string, page: URL): Promise<unknown> {
  const profile = await Deno.makeTempDir();
  const child = new Deno.Command(browser, {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const { promise: address, resolve } = Promise.withResolvers<string>();
  const log = (async () => {
    for await (const { text } of linesOf(child.stderr)) {
      const [url] = /ws:\/\/\S+/.exec(text) ?? [];
      if (url !== undefined) resolve(url);
    }
  })();
  const socket = new WebSocket(await address);
  const answers = new Map<number, (result: Record<string, unknown>) => void>();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    answers.get(id)?.(result);
  };
  await new Promise((opened) => socket.onopen = opened);
  let count = 0;
  const ask = (method: string, params: unknown, sessionId?: unknown) => {
    const { promise, resolve } = Promise.withResolvers<
      Record<string, unknown>
    >();
    answers.set(++count, resolve);
    socket.send(JSON.stringify({ id: count, method, params, sessionId }));
    return promise;
  };
  const { targetId } = await ask("Target.createTarget", {
    url: "about:blank",
  });
  const { sessionId } = await ask("Target.attachToTarget", {
    targetId,
    flatten: true,
  });
  await ask("Page.navigate", { url: page.href }, sessionId);
  const { result } = await ask(
    "Runtime.evaluate",
    { expression: SEEN, awaitPromise: true },
    sessionId,
  );
  socket.close();
  child.kill("SIGKILL");
  await child.status;
  await log;
  await Deno.remove(profile, { recursive: true }).catch(() => {});
  return JSON.parse(String(Object(result).value));
}

Deno.test({
  name: "a browser draws each call of a recording, and runs nothing of it",
  ignore: BROWSER === undefined,
  async fn() {
    const { header, lines, unread } = await loadRecording(
      RECORDING.pathname,
      OPTION_NAMES,
    );
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
    const path = await Deno.makeTempFile({ suffix: ".html" });
    await Deno.writeTextFile(path, page);
    const seen = await askBrowser(BROWSER ?? "", new URL(`file://${path}`));
    await Deno.remove(path);
    const count = (pattern: RegExp) => page.match(pattern)?.length ?? 0;
    assertEquals(seen, [
      "A recording of sigv4-proxy",
      0,
      count(/<tr/g) - 1,
      count(/<rect/g),
      0,
    ]);
  },
});
