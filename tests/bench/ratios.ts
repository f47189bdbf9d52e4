/**
 * What a call costs beside programs that do less, as ratios within one run:
 * three rounds, in which each program has its turn, and their medians. The
 * second half of `deno task bench`; Linux only. With `--svg FILE` the medians
 * are drawn, too: `deno task plot`.
 *
 * Other proxies join in where variables have their names and command lines,
 * parted by semicolons: BENCH_PEERS over stdio, with `{url}` for the target's
 * URL, and BENCH_HTTP_SERVERS over HTTP, with `{host}` for its host, `{port}` for
 * the port to listen at: BENCH_PEERS="mcp-remote=npx mcp-remote {url}".
 */

import {
  type Figures,
  measureFetchLoop,
  measureHttp,
  measureStdio,
  median,
} from "./measure.ts";
import { drawPlot } from "./plot.ts";
import { freePort, script, startServer } from "./program.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 3);

const { program, url } = await startServer(script("tests/bench/target.ts"));
await using _ended = program;

const OURS = "sigv4-proxy";
const OUR_SERVER = "sigv4-proxy --listen";
const RECORDING = "sigv4-proxy --record";
const PLAIN = "plainest proxy";
const SDK = "proxy over the SDK";
const PLAIN_SERVER = "plainest HTTP server";
const SIGNING = "plainest, Smithy loaded";
const ANSWERING = "plainest, one answer each";

type Measure = () => Promise<Figures>;

/** Each that a variable names. */
function peers(
  variable: string,
  measure: (command: string) => Promise<Figures>,
): Record<string, Measure> {
  const entries = (Deno.env.get(variable) ?? "").split(";")
    .map((entry) => entry.trim()).filter((entry) => entry !== "");
  return Object.fromEntries(entries.map((entry) => {
    const at = entry.indexOf("=");
    const command = entry.slice(at + 1);
    return [entry.slice(0, at), () => measure(command)];
  }));
}

const stdioPeers = peers(
  "BENCH_PEERS",
  (command) => measureStdio(command.replaceAll("{url}", url).split(" ")),
);
const servers = peers("BENCH_HTTP_SERVERS", (command) => {
  const port = freePort();
  const words = command.replaceAll("{host}", new URL(url).host)
    .replaceAll("{port}", `${port}`).split(" ");
  return measureHttp(words, port);
});

const stdio: Record<string, Measure> = {
  [PLAIN]: () =>
    measureStdio(script("tests/bench/baselines/plain_proxy.ts", url)),
  [SIGNING]: () =>
    measureStdio(script("tests/bench/baselines/smithy_proxy.ts", url)),
  [ANSWERING]: () =>
    measureStdio(
      script("tests/bench/baselines/plain_proxy.ts", url, "answers", "events"),
    ),
  [SDK]: () => measureStdio(script("tests/bench/baselines/sdk_proxy.ts", url)),
  ...stdioPeers,
  [OURS]: () => measureStdio(script("mod.ts", url)),
};
const http: Record<string, Measure> = {
  [PLAIN_SERVER]: () =>
    measureHttp(script("tests/bench/baselines/plain_http_server.ts", url)),
  ...servers,
  [OUR_SERVER]: () => measureHttp(script("tests/bench/http_server.ts", url)),
};
const measures: Record<string, Measure> = {
  "bare fetch": () =>
    measureFetchLoop(script("tests/bench/baselines/fetch_loop.ts", url)),
  ...stdio,
  [RECORDING]: async () => {
    const directory = await Deno.makeTempDir();
    const file = `${directory}/calls.jsonl`;
    const figures = await measureStdio(script("mod.ts", url, "--record", file));
    await Deno.remove(directory, { recursive: true });
    return figures;
  },
  ...http,
};

const rounds: Record<string, Figures[]> = {};
for (let round = 1; round <= ROUNDS; round++) {
  for (const [name, measure] of Object.entries(measures)) {
    (rounds[name] ??= []).push(await measure());
  }
}

type Key = keyof Figures;

function figure(name: string, key: Key): number {
  return median((rounds[name] ?? []).map((figures) => figures[key] ?? NaN));
}

/** The ratio to another program's, round by round, and then the median. */
function ratio(name: string, to: string, key: Key): number {
  const others = rounds[to] ?? [];
  return median(
    (rounds[name] ?? []).map((figures, round) =>
      (figures[key] ?? NaN) / (others[round]?.[key] ?? NaN)
    ),
  );
}

const COLUMNS: readonly (readonly [key: Key, title: string])[] = [
  ["startMs", "start, ms"],
  ["startCpuMs", "start, CPU ms"],
  ["idleMib", "idle, MiB"],
  ["callUs", "CPU a call, us"],
  ["p50Ms", "one call, ms"],
  ["streamMs", "CPU a MiB, ms"],
];

function shown(value: number): string {
  if (Number.isNaN(value)) return "";
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function row(cells: readonly string[]): string {
  const [first, ...rest] = cells;
  return [first.padEnd(44), ...rest.map((cell) => cell.padStart(15))].join("");
}

console.log(row(["medians", ...COLUMNS.map(([, title]) => title)]));
for (const name of Object.keys(measures)) {
  console.log(row([name, ...COLUMNS.map(([key]) => shown(figure(name, key)))]));
}

/** Each with the least of all programs here that do what this one must. */
const GOALS: readonly (readonly [
  what: string,
  name: string,
  to: string,
  key: Key,
  goal: number,
  floor?: string,
])[] = [
  ["CPU a call, 64 in flight", OURS, PLAIN, "callUs", 1.35, ANSWERING],
  ["CPU a call, 64 in flight", OURS, SDK, "callUs", 0.8, ANSWERING],
  ...Object.keys(stdioPeers).map((name) =>
    ["CPU a call, 64 in flight", OURS, name, "callUs", 1, ANSWERING] as const
  ),
  ["one call at a time", OURS, PLAIN, "p50Ms", 1.4, ANSWERING],
  ["start to the answer of initialize", OURS, PLAIN, "startMs", 1.6, SIGNING],
  ["the same, CPU", OURS, PLAIN, "startCpuMs", 1.6, SIGNING],
  ["event stream, CPU a MiB", OURS, PLAIN, "streamMs", 1.3, ANSWERING],
  ["idle memory", OURS, PLAIN, "idleMib", 1.25, SIGNING],
  ["recording, CPU a call", RECORDING, OURS, "callUs", 1.05],
  ["recording, one call at a time", RECORDING, OURS, "p50Ms", 1.05],
  ["recording, event stream", RECORDING, OURS, "streamMs", 1.05],
  ["HTTP server mode, CPU a request", OUR_SERVER, PLAIN_SERVER, "callUs", 1.4],
];
console.log(`\n${row(["beside", "ratio", "goal", "", "its floor"])}`);
for (const [what, name, to, key, goal, floor] of GOALS) {
  const value = ratio(name, to, key);
  if (Number.isNaN(value)) continue;
  console.log(row([
    `${what}: ${to}`,
    value.toFixed(2),
    goal.toFixed(2),
    value <= goal ? "met" : "not met",
    floor === undefined ? "" : shown(ratio(floor, to, key)),
  ]));
}

const [flag, file] = Deno.args;
if (flag === "--svg" && file !== undefined) {
  const bars = (names: Record<string, Measure>, key: Key) =>
    Object.keys(names).map((name) => ({
      name,
      value: figure(name, key),
      isOurs: name === OURS || name === OUR_SERVER,
    }));
  const panels = [
    { title: "CPU a call over stdio, µs", bars: bars(stdio, "callUs") },
    { title: "CPU a request over HTTP, µs", bars: bars(http, "callUs") },
    {
      title: "CPU from start to the answer of initialize, ms",
      bars: bars(stdio, "startCpuMs"),
    },
    { title: "memory when idle, MiB", bars: bars(stdio, "idleMib") },
  ];
  await Deno.writeTextFile(file, drawPlot(panels));
}
