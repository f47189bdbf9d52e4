/**
 * Writes `shared_files.json` anew: odd files and what botocore makes of them.
 * `deno run -A tests/aws/shared_files/botocore_table.ts`, where botocore is installed.
 */

import { askBotocore, type PlainFiles } from "./botocore.ts";
import { type OddFiles, oddFiles } from "./odd_files.ts";

/** A row of the table: the files, as text where they are text. */
export interface Row {
  readonly config?: string | { readonly base64: string };
  readonly credentials?: string | { readonly base64: string };
  readonly botocore: PlainFiles;
}

/** The table. */
export const TABLE: URL = new URL("./botocore.json", import.meta.url);

/** The files of a row. */
export function filesOf({ config, credentials }: Row): OddFiles {
  return { config: bytesOf(config), credentials: bytesOf(credentials) };
}

function bytesOf(file: Row["config"]): Uint8Array<ArrayBuffer> | undefined {
  if (file === undefined) return undefined;
  return typeof file === "string"
    ? new TextEncoder().encode(file)
    : Uint8Array.fromBase64(file.base64);
}

function plain(bytes: Uint8Array | undefined): Row["config"] {
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return { base64: bytes.toBase64() };
  }
}

const KEYS = (name: string) =>
  `aws_access_key_id = AKIA${name}\naws_secret_access_key = secret-${name}\n`;
const DEFAULT = `[default]\n${KEYS("DEFAULT")}`;

/** Files after reports by users, beside those that are made up. */
const REPORTED: readonly Pick<Row, "config" | "credentials">[] = [
  ...[
    "[prod]# note",
    "[prod] x",
    "[prod];n",
    "[prod] = x",
    "[Team #1]",
    "[a ;b]",
    "[prod",
    "[prod)",
    "prod]",
    "prod",
    "[]",
    "[ ]",
    " [prod]",
    "[prod]]",
    "[[prod]",
    "[profile prod]",
    "[sso-session x]",
    "[DEFAULT]",
  ].map((header) => ({
    credentials: `${DEFAULT}${header}\n${KEYS("PROD")}`,
  })),
  ...[
    "[profile prod] x",
    "[profile 'Team #1']",
    "[profile 'a ;b']",
    "[profile app] (admin)",
    '[profile "x y"]',
    "[profile x y]",
    "[profile 'x]",
    "[profile x\\ y]",
    "[profile]",
    "[profiles x]",
    "[profilex y]",
    "[prod]",
    "[profile default]",
    "[Profile x]",
    "[profile\tx]",
    "[ profile x]",
    "[profile x ]",
    '[profile ""]',
  ].map((header) => ({ config: `${DEFAULT}${header}\nregion = x\n` })),
  {
    credentials:
      `[default]\naws_access_key_id = A\naws_secret_access_key = sd[prod]\n${
        KEYS("PROD")
      }`,
  },
  {
    credentials:
      "[default]\naws_access_key_id: AKIAUSER\naws_secret_access_key: s\n",
  },
  { config: "[default]\ncredential_process = /h/c.sh\n  --account prod\n" },
  { config: '[profile p]\ncredential_process = /h/c.sh --account "Prod #2"\n' },
  { config: "[default]\nexternal_id = a #b\nsource_profile = Team #1\n" },
  {
    config:
      "[sso-session 'test sso']\nsso_region = x\n[default]\nSSO_Session = test sso\n",
  },
  {
    config:
      "[default]\ns3 =\n  addressing_style = path\n\n  x=y=z\nregion = x\n",
  },
  { config: "[default]\ns3 =\n  addressing_style\n" },
  { config: "[default]\ns3 =\nregion = x\n" },
  { config: "[DEFAULT]\nregion = x\n[default]\n[profile a]\nREGION = y\n" },
  { config: "[default]\nregion = x\nRegion = y\n" },
  { config: "[default]\n[default]\n" },
  { config: "[DEFAULT]\na=1\n[DEFAULT]\nb=2\n[profile x]\n" },
  { config: "\ufeff[default]\nregion = x\n" },
  { config: "[default]\r\nregion = x\r\n\r\n# c\r\n[profile a]\r\nregion = y" },
  { config: "region = x\n[default]\n" },
  { config: "# only a comment\n" },
  { config: "", credentials: "" },
  { config: "[default]", credentials: "[default]\n" },
  {
    config: "[default]\nregion = x\ns3 =\n  a = 1\n",
    credentials: "[default]\nregion = y\ns3 =\n  b = 2\n",
  },
  { config: "[profile a]\nregion=x\n[profile 'a']\noutput=y\n" },
];

const MADE = 99;

/** Two in three that are taken: a refusal tells little. */
async function makeTable(): Promise<Row[]> {
  const reported = REPORTED.map((row) =>
    filesOf({ ...row, botocore: { refused: 0 } })
  );
  const made = Array.from({ length: 10 * MADE }, (_, seed) => oddFiles(seed));
  const { files: answers } = await askBotocore({
    files: [...reported, ...made],
  });
  let taken = 0;
  let refused = 0;
  return [...reported, ...made].flatMap(({ config, credentials }, at) => {
    const botocore = answers[at];
    if (at >= reported.length) {
      const isRefused = "refused" in botocore;
      if (isRefused ? refused >= MADE / 3 : taken >= MADE * 2 / 3) return [];
      if (isRefused) refused++;
      else taken++;
    }
    return [{
      config: plain(config),
      credentials: plain(credentials),
      botocore,
    }];
  });
}

if (import.meta.main) {
  const rows = (await makeTable()).map((row) => JSON.stringify(row));
  await Deno.writeTextFile(TABLE, `[\n${rows.join(",\n")}\n]\n`);
}
