/**
 * What the shared files say, compared with what botocore, which the AWS CLI is
 * made of, takes them to say: a table of its answers, always, and thousands of
 * odd files where `python3` has it.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { readSharedFiles } from "../../../src/aws/shared_files/shared_files.ts";
import {
  type Settings,
  UnclearFilesError,
} from "../../../src/aws/shared_files/settings.ts";
import { sharedPaths } from "../../../src/aws/shared_files/paths.ts";
import {
  shellSplit,
  windowsSplit,
} from "../../../src/aws/shared_files/shell_split.ts";
import {
  askBotocore,
  hasBotocore,
  type PlainFiles,
  type PlainSections,
} from "./botocore.ts";
import { oddCommand, type OddFiles, oddFiles, oddPath } from "./odd_files.ts";
import { filesOf, type Row, TABLE } from "./botocore_table.ts";
import { tempDir } from "../../support/temp_dir.ts";

const CASES = Number(Deno.env.get("ODD_FILES") ?? 1_000);
const SEED = Number(Deno.env.get("ODD_SEED") ?? 10_000);

const isThere = await hasBotocore();

/** Reads odd files with the program's own parser. */
async function ours(files: OddFiles, folder: string): Promise<PlainFiles> {
  const paths = {
    config: join(folder, "config"),
    credentials: join(folder, "credentials"),
  };
  for (const name of ["config", "credentials"] as const) {
    const bytes = files[name];
    if (bytes !== undefined) await Deno.writeFile(paths[name], bytes);
    else await Deno.remove(paths[name]).catch(() => {});
  }
  try {
    const { profiles, ssoSessions, services } = await readSharedFiles(paths);
    const merged = [...profiles].map(([name, { settings }]) =>
      [name, settings] as const
    );
    return {
      profiles: plain(merged),
      ssoSessions: plain(ssoSessions),
      services: plain(services),
    };
  } catch (error) {
    if (!(error instanceof UnclearFilesError)) throw error;
    const line = / line (\d+): /.exec(error.message)?.[1];
    assert(line !== undefined, error.message);
    return { refused: Number(line) };
  }
}

function plain(
  sections: Iterable<readonly [string, Settings]>,
): PlainSections {
  return Object.fromEntries(
    [...sections].map(([name, settings]) => [
      name,
      Object.fromEntries(
        settings.names().map((setting) => {
          const nested = settings.nested(setting);
          return [
            setting,
            nested === undefined
              ? settings.get(setting) ?? ""
              : Object.fromEntries(nested),
          ];
        }),
      ),
    ]),
  );
}

/** The same, whatever the order and the line that is blamed. */
function comparable(files: PlainFiles): unknown {
  return "refused" in files ? "refused" : files;
}

async function compare(
  cases: readonly { files: OddFiles; botocore: PlainFiles }[],
): Promise<void> {
  await using temp = await tempDir();
  const folder = temp.path;
  for (const { files, botocore } of cases) {
    const text = (bytes?: Uint8Array) =>
      bytes && JSON.stringify(new TextDecoder("latin1").decode(bytes));
    assertEquals(
      comparable(await ours(files, folder)),
      comparable(botocore),
      `config ${text(files.config)}, credentials ${text(files.credentials)}`,
    );
  }
}

Deno.test("shared files are read as botocore reads them, by the table of its answers", async () => {
  const rows: Row[] = JSON.parse(await Deno.readTextFile(TABLE));
  assert(rows.length >= 150);
  await compare(
    rows.map((row) => ({ files: filesOf(row), botocore: row.botocore })),
  );
});

Deno.test({
  name: "a thousand odd shared files are read as botocore reads them " +
    "(skipped where python3 has no botocore)",
  ignore: !isThere,
  async fn() {
    const files = Array.from(
      { length: CASES },
      (_, at) => oddFiles(SEED + at),
    );
    const { files: answers } = await askBotocore({ files });
    await compare(files.map((files, at) => ({ files, botocore: answers[at] })));
  },
});

Deno.test({
  name: "commands are split as botocore splits them " +
    "(skipped where python3 has no botocore)",
  ignore: !isThere,
  async fn() {
    const commands = Array.from(
      { length: CASES },
      (_, at) => oddCommand(SEED + at),
    );
    const { commands: answers } = await askBotocore({ commands });
    for (const [at, text] of commands.entries()) {
      const own = {
        posix: words(shellSplit, text),
        windows: words(windowsSplit, text),
      };
      assertEquals(own, answers[at], JSON.stringify(text));
    }
  },
});

function words(
  split: (text: string) => string[],
  text: string,
): string[] | null {
  try {
    return split(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

Deno.test({
  name: "variables and ~ in the path of a file are expanded as botocore does " +
    "(skipped where python3 has no botocore)",
  ignore: !isThere || Deno.build.os === "windows",
  async fn() {
    const env = { HOME: "/h", A: "a/b", A_B: "~", B: "$A" };
    const paths = Array.from({ length: CASES }, (_, at) => oddPath(SEED + at));
    const { paths: answers } = await askBotocore({ paths, env });
    const all = new Map(Object.entries(env));
    for (const [at, path] of paths.entries()) {
      const read = sharedPaths((name) =>
        name === "AWS_CONFIG_FILE" ? path : all.get(name)
      );
      assertEquals(read?.config, answers[at], path);
    }
  },
});
