/** `record show`: a recording as a person reads it. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runRecord } from "../../../src/commands/record/record.ts";
import { ConfigError } from "../../../src/errors.ts";
import { RecordingDirectory } from "../../recorder/recording.ts";
import { readPage } from "./read_page.ts";

const RECORDINGS = new URL("../../recordings/", import.meta.url);

/** What the command writes to stdout. */
async function shown(path: string, ...args: string[]): Promise<string> {
  let text = "";
  const code = await runRecord(["show", ...args, path], {
    write: (part) => {
      text += part;
      return Promise.resolve();
    },
    useColor: false,
  });
  assertEquals(code, 0);
  return text;
}

function pathOf(name: string): string {
  const { pathname } = new URL(`${name}.jsonl`, RECORDINGS);
  return decodeURIComponent(pathname).replace(/^\/([A-Z]:)/, "$1");
}

Deno.test("a timeline has a line for each call, with its time, its tries and their sessions", async () => {
  const text = await shown(pathOf("lost_session"));
  assertMatch(text, /tools\/call work "raw-2" +[\d.]+ ms +ok +200 session-1/);
  assertMatch(
    text,
    /"raw-3" .* ok\n +try 1 .* 400 +session-1.*\n +try 2 .* 200 +session-2/,
  );
  assertStringIncludes(text, "a lost session was replaced");
});

Deno.test("a timeline says why a call failed, who signed, and what was cut", async () => {
  const refused = await shown(pathOf("refused"));
  assertMatch(refused, /"raw-4" .* error -31013 the target knows/);
  assertStringIncludes(refused, "identity-2 signs from here on");
  assertMatch(refused, /try 1 .* 429 /);
  const cut = await shown(pathOf("cut_stream"));
  assertMatch(cut, /"raw-2" .* ok\n +try 1 .* 200, cut: /);
  assertMatch(cut, /"raw-3" .* error -31015/);
});

/** A recording by someone who means ill. */
const HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>" +
  "\x1b[2J\u202e</pre></td>";

async function hostile(directory: RecordingDirectory): Promise<string> {
  const text = await Deno.readTextFile(pathOf("refused"));
  const [header, ...lines] = text.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  header.version = HOSTILE;
  let seq = lines.length;
  const more = [
    { kind: "log", level: "warn", message: HOSTILE },
    { kind: "identity", identity: HOSTILE },
    { kind: "in", bytes: 1, text: HOSTILE },
    {
      kind: "in",
      bytes: 1,
      text: JSON.stringify({ jsonrpc: "2.0", id: HOSTILE, method: HOSTILE }),
    },
    {
      kind: "request",
      http: 99,
      method: HOSTILE,
      url: HOSTILE,
      headers: { "mcp-session-id": HOSTILE, authorization: HOSTILE },
      bytes: 0,
    },
    { kind: "failed", http: 99, error: HOSTILE },
    {
      kind: "out",
      bytes: 1,
      text: JSON.stringify({
        jsonrpc: "2.0",
        id: HOSTILE,
        error: { code: HOSTILE, message: HOSTILE },
      }),
    },
    { kind: HOSTILE },
    { kind: "response", http: "one", status: {}, headers: HOSTILE },
  ].map((line) => ({ seq: ++seq, t: 1e9, ...line }));
  await Deno.writeTextFile(
    directory.path,
    [header, ...lines, ...more].map((line) => JSON.stringify(line)).join("\n"),
  );
  return directory.path;
}

Deno.test("what a recording holds is no command to a terminal, and what cannot be read is counted", async () => {
  await using directory = await RecordingDirectory.make();
  const text = await shown(await hostile(directory));
  assertEquals(text.includes("\x1b"), false);
  assertEquals(text.includes("\u202e"), false);
  assertStringIncludes(text, "lines that cannot be read: 2");
});

Deno.test("of what a recording lacks the number is told, one as well as many", async () => {
  await using directory = await RecordingDirectory.make();
  const text = await Deno.readTextFile(pathOf("refused"));
  const [header, , ...lines] = text.trimEnd().split("\n");
  const dropped = JSON.stringify({ seq: 99, t: 1, kind: "dropped", count: 1 });
  const kept = [header, ...lines, dropped, "{"].join("\n");
  await Deno.writeTextFile(directory.path, kept);
  const told = await shown(directory.path);
  assertStringIncludes(told, "lines that --record-max took at the start: 1");
  assertStringIncludes(told, "lines that cannot be read: 1");
  assertStringIncludes(told, "missing here: 1");
});

Deno.test("a page is never written over what is no page: its recording, another one, anything", async () => {
  await using directory = await RecordingDirectory.make();
  const path = await hostile(directory);
  const [link, other, notes] = [".html", ".other", ".notes"]
    .map((end) => path + end);
  await Deno.link(path, link);
  await Deno.copyFile(path, other);
  await Deno.writeTextFile(notes, "<!doctype html>\nnotes");
  for (const page of [path, link, other, notes]) {
    const before = await Deno.readTextFile(page);
    const { message } = await assertRejects(
      () => shown(path, "--html", page),
      ConfigError,
    );
    assertStringIncludes(message, "what is there is no page of a recording");
    assertEquals(await Deno.readTextFile(page), before);
  }
});

Deno.test("a page takes the place of an empty file, and of a longer page", async () => {
  await using directory = await RecordingDirectory.make();
  const page = `${directory.path}.html`;
  await Deno.writeTextFile(page, "");
  await shown(pathOf("refused"), "--html", page);
  await Deno.writeTextFile(page, "x".repeat(1_000_000), { append: true });
  await shown(pathOf("refused"), "--html", page);
  const html = await Deno.readTextFile(page);
  assertMatch(html, /^<!doctype html>[^]*<\/html>\s*$/);
});

Deno.test("a page runs nothing, loads nothing and shows what a recording holds as text", async () => {
  await using directory = await RecordingDirectory.make();
  const path = await hostile(directory);
  const page = `${directory.path}.html`;
  assertEquals(await shown(path, "--html", page), "");
  const { tags, attributes, texts, open } = readPage(
    await Deno.readTextFile(page),
  );
  const known = new Set(
    "html head meta title style body h1 p table thead tbody tr th td div details summary pre svg rect"
      .split(" "),
  );
  assertEquals(tags.filter((tag) => !known.has(tag)), []);
  assertEquals(
    [...new Set(attributes.map(([name]) => name))].filter((name) =>
      /^on|^(?:src|href|style|action|srcdoc)$/.test(name)
    ),
    [],
  );
  const policy = attributes.find(([, value]) =>
    value.startsWith("default-src")
  );
  assertMatch(policy?.[1] ?? "", /^default-src 'none'; style-src 'sha256-/);
  assert(texts.some((text) => text.includes("<script>alert(1)</script>")));
  assertEquals(open, [], "every tag is closed");
});

Deno.test("no line of a timeline is wide, whatever a recording holds", async () => {
  await using directory = await RecordingDirectory.make();
  const text = await Deno.readTextFile(pathOf("refused"));
  await Deno.writeTextFile(
    directory.path,
    text.replaceAll("raw-4", "r".repeat(5_000))
      .replaceAll(/is not authorized[^"\\]*/g, "is not ".repeat(1_000)),
  );
  const lines = (await shown(directory.path)).split("\n");
  const widest = Math.max(...lines.map((line) => line.length));
  assert(widest < 220, `${widest} columns`);
  assert(lines.some((line) => line.includes("rrr…")));
});

Deno.test("a page of a long recording has its end, and says how much is left out", async () => {
  await using directory = await RecordingDirectory.make();
  const [header] = (await Deno.readTextFile(pathOf("refused"))).split("\n");
  const lines = Array.from({ length: 20_000 }, (_, index) => {
    const text = `{"jsonrpc":"2.0","method":"n","params":{"index":${index}}}`;
    return JSON.stringify({
      seq: index + 1,
      t: index,
      kind: "in",
      text,
      bytes: 1,
    });
  });
  await Deno.writeTextFile(directory.path, [header, ...lines].join("\n"));
  const page = `${directory.path}.html`;
  await shown(directory.path, "--html", page);
  const html = await Deno.readTextFile(page);
  const { texts } = readPage(html);
  assertEquals(html.match(/<details>/g)?.length, 5_000);
  assert(texts.some((text) => text.includes("first 15000 rows are left out")));
  assert(texts.some((text) => text.includes("19999")));
});
