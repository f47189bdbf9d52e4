/** botocore, where it is installed: what the AWS CLI makes of shared files. */

import type { OddFiles } from "./odd_files.ts";

/** A value as JSON has it: a text, or nested settings. */
export type Plain = string | { readonly [name: string]: string };

/** Sections by name, settings by name. */
export type PlainSections = {
  readonly [section: string]: { readonly [setting: string]: Plain };
};

/** What the shared files say, or that they are refused, and for which line. */
export type PlainFiles = { readonly refused: number } | {
  readonly profiles: PlainSections;
  readonly ssoSessions: PlainSections;
  readonly services: PlainSections;
};

/** What botocore is asked. */
export interface Questions {
  readonly files?: readonly OddFiles[];
  readonly commands?: readonly string[];
  readonly paths?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What it answers, in the order of the questions. */
export interface Answers {
  readonly files: readonly PlainFiles[];
  /** `null`: refused. */
  readonly commands: readonly {
    readonly posix: string[] | null;
    readonly windows: string[] | null;
  }[];
  readonly paths: readonly string[];
}

const ORACLE = new URL("./oracle.py", import.meta.url);

function python(args: string[]): Deno.Command {
  return new Deno.Command("python3", {
    args,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", PYTHONUTF8: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Whether `python3` is there and has botocore. */
export async function hasBotocore(): Promise<boolean> {
  try {
    const process = python(["-c", "import botocore.session"]).spawn();
    await process.stdin.close();
    return (await process.output()).success;
  } catch {
    return false;
  }
}

/** Asks botocore. */
export async function askBotocore(questions: Questions): Promise<Answers> {
  const asked = {
    ...questions,
    files: questions.files?.map(({ config, credentials }) => ({
      config: config?.toBase64(),
      credentials: credentials?.toBase64(),
    })),
  };
  const process = python([ORACLE.pathname]).spawn();
  const [output] = await Promise.all([
    process.output(),
    new Blob([JSON.stringify(asked)]).stream().pipeTo(process.stdin),
  ]);
  const text = new TextDecoder();
  if (!output.success) throw new Error(text.decode(output.stderr));
  return JSON.parse(text.decode(output.stdout));
}
