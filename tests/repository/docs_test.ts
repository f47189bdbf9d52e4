/** What README and the pages of docs/ name is so. */
import { assert, assertEquals } from "@std/assert";
import {
  CLIENT_NAMES,
  COMMAND_NAMES,
  type CommandName,
  type CommandRow,
  COMMANDS,
  isCommandName,
} from "../../src/config/commands.ts";
import { parseArguments } from "../../src/config/arguments.ts";
import { configure } from "../../src/config/config.ts";
import { ConfigError, ERROR_CODES } from "../../src/errors.ts";
import { flagsOf, type Option, variablesOf } from "../../src/config/option.ts";
import {
  OPTION_GROUPS,
  OPTION_KEYS,
  OPTIONS,
} from "../../src/config/options.ts";
import { commandsIn, type DocCommand, structuresIn } from "./doc_commands.ts";
import {
  codeSpans,
  filesUnder,
  headingAnchors,
  linksOf,
  type Page,
  readPages,
  tableRows,
} from "./markdown.ts";

const ROOT = new URL("../../", import.meta.url);
const pages = await readPages(ROOT);
const options: readonly Option[] = OPTION_KEYS.map((key) => OPTIONS[key]);
const OTHERS: readonly Option[] = Object.values(OPTION_GROUPS.Other);

function page(path: string): Page {
  const found = pages.find((page) => page.path === path);
  assert(found !== undefined, `${path} is there`);
  return found;
}

Deno.test("every link from one page leads to a file and a heading", async () => {
  const broken: string[] = [];
  for (const { path, text } of pages) {
    for (const link of linksOf(text)) {
      const [file, anchor] = link.split("#");
      const target = file === "" ? path : relative(path, file);
      const there = await Deno.stat(new URL(target, ROOT)).catch(() => null);
      const other = pages.find((page) => page.path === target);
      const hasAnchor = anchor === undefined ||
        headingAnchors(other?.text ?? "").has(anchor);
      if (there === null || !hasAnchor) broken.push(`${path}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

function relative(from: string, link: string): string {
  const root = "file:///";
  return new URL(link, root + from).href.slice(root.length);
}

Deno.test("every page of docs is reached from the README", () => {
  const seen = new Set<string>();
  const open = ["README.md"];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = pages.find((page) => page.path === path)?.text ?? "";
    for (const link of linksOf(text)) {
      const [file] = link.split("#");
      if (file.endsWith(".md")) open.push(relative(path, file));
    }
  }
  const unseen = pages.map(({ path }) => path).filter((path) =>
    !seen.has(path)
  );
  assertEquals(unseen, []);
});

/** Flags of Deno, Docker, the AWS CLI and the inspector that the pages name. */
const FLAGS_OF_OTHERS = new RegExp(
  "^(?:allow-[a-z]+|cached-only|code-splitting|frozen|global|ignore-env|lock" +
    "|no-config|no-prompt|unstable-lazy-dynamic-imports" +
    "|cap-drop|env|interactive|publish|rm|volume" +
    "|http-put-response-hop-limit" +
    "|cli|config|method|server|tool-arg|tool-name|web)$",
);

Deno.test("a flag that a page names is one of the program's", () => {
  const own = new Set([
    ...options.flatMap(flagsOf).map((flag) => flag.slice(2)),
    ...options.filter(({ kind }) => kind === "boolean").map(({ names }) =>
      names[0].replace("--", "no-")
    ),
    ...COMMAND_NAMES.flatMap((name) => ownFlags(COMMANDS[name])),
  ]);
  const unknown = pages.flatMap(({ path, text }) =>
    [
      ...withoutComparison(text).matchAll(
        /(?<![\w-])--([a-z][a-z0-9-]*[a-z0-9])(?![\w-])/g,
      ),
    ]
      .map(([, flag]) => flag)
      .filter((flag) => !own.has(flag) && !FLAGS_OF_OTHERS.test(flag))
      .map((flag) => `${path}: --${flag}`)
  );
  assertEquals(unknown, []);
});

function ownFlags({ flags }: CommandRow): string[] {
  return Object.values(flags).map(({ names }) => names[0].slice(2));
}

/** What the README says of other programs has their flags. */
function withoutComparison(text: string): string {
  return text.replace(/^## How it compares$[^]*?(?=^## )/m, "");
}

Deno.test("a variable of the program that a page names is one that it reads", async () => {
  const sources = await Promise.all(
    (await filesUnder(new URL("src/", ROOT), ".ts"))
      .map((file) => Deno.readTextFile(new URL(file, new URL("src/", ROOT)))),
  );
  const read = [...sources, ...options.flatMap(variablesOf)].join("\n");
  const unknown = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w$])(?:MCP|AWS)_[A-Z0-9_]*[A-Z0-9](?![\w*…])/g)]
      .map(([name]) => name)
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(read))
      .filter((name) => !VARIABLES_OF_OTHERS.has(name))
      .map((name) => `${path}: ${name}`)
  );
  assertEquals(unknown, []);
});

/** Variables that belong to AWS's runtimes or to an example. */
const VARIABLES_OF_OTHERS: ReadonlySet<string> = new Set([
  "MCP_URL",
  "AWS_CREDENTIAL_FILE",
  "AWS_ENDPOINT_URL_SIGNIN",
  "AWS_ENDPOINT_URL_SSO",
  "AWS_ENDPOINT_URL_SSO_OIDC",
  "AWS_LIVE_REGION",
  "AWS_LIVE_ROLE",
  "AWS_LIVE_TARGET",
]);

Deno.test("every option, its variables and its default are in the README's table", () => {
  const rows = tableRows(page("README.md").text);
  const missing = options.filter((option) => !OTHERS.includes(option)).filter(
    (option) => {
      const names = [option.names[0], ...variablesOf(option)];
      const value = "default" in option && option.kind !== "boolean"
        ? String(option.default ?? "")
        : "";
      return !rows.some((row) =>
        names.every((name) => hasWord(row, name)) && row.includes(value)
      );
    },
  );
  assertEquals(missing.map(({ names }) => names[0]), []);
});

/** A switch that is on stands there as the flag that turns it off. */
function hasWord(text: string, word: string): boolean {
  return new RegExp(`(?<![\\w-])${word.replace(/^--/, "--(?:no-)?")}(?![\\w-])`)
    .test(text);
}

Deno.test("every subcommand and every client is on the pages that list them", () => {
  const readme = page("README.md").text;
  const clients = page("docs/clients.md").text;
  const missing = [
    ...COMMAND_NAMES.filter((name) => !readme.includes(`sigv4-proxy ${name}`)),
    ...CLIENT_NAMES.filter((name) => !readme.includes(`\`${name}\``)),
    ...CLIENT_NAMES.filter((name) => !clients.includes(`| \`${name}\` `)),
  ];
  assertEquals(missing, []);
});

Deno.test("every file of the source that a page names is there", async () => {
  const missing: string[] = [];
  for (const { path, text } of pages) {
    for (const span of codeSpans(text)) {
      if (!/^(?:src|tests|docs|\.ci)\/[\w./]+$/.test(span)) continue;
      const there = await Deno.stat(new URL(span, ROOT)).catch(() => null);
      if (there === null) missing.push(`${path}: ${span}`);
    }
  }
  assertEquals(missing, []);
});

Deno.test("what the way of a call names is declared in the source", async () => {
  const files = await filesUnder(new URL("src/", ROOT), ".ts");
  const sources = await Promise.all(
    files.map((file) => Deno.readTextFile(new URL(`src/${file}`, ROOT))),
  );
  const [, way] = page("docs/architecture.md").text
    .split(/^## (?=The way of one call$|Where to add$)/m);
  const names = codeSpans(way).flatMap((span) =>
    /^\w*[A-Z]\w*/.exec(span) ?? []
  );
  assert(names.includes("FrameParser"));
  const missing = names.filter((name) => {
    const declared = new RegExp(`\\b(?:class|interface|function) ${name}\\b`);
    return !sources.some((source) => declared.test(source));
  });
  assertEquals(missing, []);
});

Deno.test("every task that a page or a workflow names is in deno.json", async () => {
  const manifest: { tasks: Record<string, string> } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const workflows = new URL(".github/workflows/", ROOT);
  const steps = await Promise.all(
    (await filesUnder(workflows, ".yml")).map(async (path) => ({
      path,
      text: await Deno.readTextFile(new URL(path, workflows)),
    })),
  );
  const unknown = [...pages, ...steps].flatMap(({ path, text }) =>
    [...text.matchAll(/deno(?:@2)? task ([\w:]+)/g)]
      .filter(([, task]) => !Object.hasOwn(manifest.tasks, task))
      .map(([command]) => `${path}: ${command}`)
  );
  assertEquals(unknown, []);
});

Deno.test("every command in a page is one that the program takes", async () => {
  const faults: string[] = [];
  const counts = new Map<string, number>();
  for (const { path, text } of pages) {
    const commands = commandsIn(text);
    counts.set(path, commands.length);
    for (const command of commands) {
      const fault = await faultOf(command);
      if (fault !== "") {
        faults.push(`${path}: ${command.args.join(" ")}: ${fault}`);
      }
    }
  }
  assertEquals(faults, []);
  const total = [...counts.values()].reduce((sum, count) => sum + count);
  assert(total > 25, `${total} commands are found`);
  // A shell, a client, ECS and Kubernetes: five of them.
  assertEquals(counts.get("docs/deploy/README.md"), 5);
});

/** What is wrong with a command line of the program, if anything is. */
async function faultOf({ args, variables }: DocCommand): Promise<string> {
  const [name, ...rest] = args;
  try {
    const command = isCommandName(name) ? name : undefined;
    const line = command === undefined ? args : rest;
    if (command !== undefined && !takesOptions(command, rest)) return "";
    if (line.some((arg) => arg.includes("…"))) return "";
    const env = { ...VARIABLES, ...variables };
    const given = parseArguments(line, command);
    if (given.asked !== undefined) return "";
    await configure(given, (name) => env[name], {
      profileRegion: () => Promise.resolve("us-east-1"),
    });
    return "";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

/** Whether a subcommand takes the proxy's options, too; it has its word. */
function takesOptions(name: CommandName, args: readonly string[]): boolean {
  const { words, takesOptions }: CommandRow = COMMANDS[name];
  const { word, positional } = parseArguments(args, name);
  const takesFile = /<file>$/.test(COMMANDS[name].usage);
  const isKnown = words.length === 0 || word !== undefined &&
      words.includes(word) &&
      (takesOptions || takesFile || positional.length === 0);
  if (!isKnown) throw new ConfigError([`${name} takes one of ${words.join()}`]);
  return takesOptions;
}

/** The variables that the examples name. */
const VARIABLES: Readonly<Record<string, string | undefined>> = {
  TEAM_API_KEY: "key",
  STREAMING_URL: "https://stream.example/",
};

Deno.test("every block of JSON and YAML can be read", () => {
  const bad = pages.filter(({ text }) => !canBeRead(text));
  assertEquals(bad.map(({ path }) => path), []);
});

function canBeRead(text: string): boolean {
  try {
    structuresIn(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the table of error codes is the program's own", () => {
  const listed = new Map(
    tableRows(page("docs/errors.md").text).flatMap((row) => {
      const [, code, reason] = /^\|\s*(-\d+)\s*\|\s*`([a-z-]+)`/.exec(row) ??
        [];
      return reason === undefined ? [] : [[reason, Number(code)]];
    }),
  );
  assertEquals(
    Object.fromEntries(listed),
    ERROR_CODES as Record<string, number>,
  );
});
