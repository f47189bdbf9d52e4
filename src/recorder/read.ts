/** A recording, read: by whomever it was written, and whatever is in it. */

import { ConfigError, messageOf } from "../errors.ts";
import { isObject } from "../json.ts";
import type { OptionNames } from "../naming.ts";
import { lacking, type Need, notGranted } from "../permissions.ts";
import { FORMAT, type RecordingHeader, type RecordLine } from "./format.ts";
import { OLDER } from "./recording_file.ts";

/** A recording as it was read. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly lines: readonly RecordLine[];
  /** How many lines could not be read: the last may be unfinished. */
  readonly unread: number;
}

/** A larger one is not read: all of it is held at once. */
const MAX_BYTES = 512 * 1024 * 1024;
const MAX_LINE = 16 * 1024 * 1024;

/** What each kind of line has, and of which type. */
const MEMBERS: Readonly<Record<RecordLine["kind"], string>> = {
  in: "bytes:number,text?:string,client?:number,method?:string,headers?:texts",
  out: "bytes:number,text?:string,client?:number",
  closed: "client:number,status:number,by:string",
  request:
    "http:number,method:string,url:string,headers:texts,bytes:number,text?:string,as?:number,try?:number",
  response: "http:number,status:number,headers:texts",
  body: "http:number,bytes:number,text?:string",
  end: "http:number,by:string,error?:string",
  failed: "http:number,error:string",
  identity: "identity:string",
  recovered: "",
  log: "level:string,message:string,fields?:object",
  dropped: "count:number",
  over: "",
};

const HEADER =
  "version:string,deno:string,os:string,startedAt:string,target:string,bodies:boolean,options:list,profileMetadata?:texts,login?:boolean";

/**
 * Reads a recording; of one whose program was killed, both parts.
 *
 * @throws {ConfigError} It cannot be read, is no recording, or of another
 * format.
 */
export async function loadRecording(
  path: string,
  names: OptionNames,
): Promise<Recording> {
  const needs: Need[] = [path, path + OLDER].map((value) => ({
    kind: "read",
    value,
    why: "read the recording",
  }));
  const missing = notGranted(needs);
  if (missing.length > 0) throw new ConfigError([lacking(missing)]);
  const newer = await partOf(path, names);
  const older = await partOf(path + OLDER, names).catch(() => undefined);
  const header = newer.header;
  const isOne = older?.header.startedAt === header.startedAt;
  // Who was killed while it made one file of both has left lines in both.
  const from = newer.lines[0]?.seq ?? Infinity;
  const before = isOne ? older?.lines.filter(({ seq }) => seq < from) : [];
  const lines = [...before ?? [], ...newer.lines];
  return { header, lines, unread: newer.unread };
}

async function partOf(path: string, names: OptionNames): Promise<Recording> {
  const lines: RecordLine[] = [];
  let header: RecordingHeader | undefined;
  let unread = 0;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) throw new RangeError("too large");
    using file = await Deno.open(path);
    for await (const text of textLines(file.readable)) {
      const line = jsonOf(text);
      if (header === undefined) header = headerIn(line, path, names);
      else if (isRecordLine(line)) lines.push(line);
      else if (text !== "") unread++;
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([
      `the recording ${path} cannot be read: ${messageOf(error)}`,
    ]);
  }
  return { header: header ?? headerIn(undefined, path, names), lines, unread };
}

async function* textLines(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new RangeError("too large");
    yield* lines;
  }
  yield rest;
}

function headerIn(
  value: unknown,
  path: string,
  { record }: OptionNames,
): RecordingHeader {
  if (!isObject(value) || value.recording !== "sigv4-proxy") {
    throw new ConfigError([
      `${path} is no recording (give a file that ${record} has written)`,
    ]);
  }
  if (isHeader(value)) return value;
  throw new ConfigError([
    `the recording ${path} is of a format that this version does not read (read it with the version that wrote it)`,
  ]);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is RecordingHeader {
  return isObject(value) && hasMembers(value, HEADER) &&
    value.format === FORMAT && URL.canParse(String(value.target)) &&
    (value.mode === "stdio" || value.mode === "http");
}

function isRecordLine(value: unknown): value is RecordLine {
  if (!isObject(value)) return false;
  const { kind, seq, t } = value;
  const [, members] = Object.entries(MEMBERS).find(([name]) => name === kind) ??
    [];
  return members !== undefined && Number.isSafeInteger(seq) &&
    Number.isFinite(t) && hasMembers(value, members);
}

function hasMembers(value: Record<string, unknown>, members: string): boolean {
  return [...members.matchAll(/\b(\w+)(\??):(\w+)/g)].every((
    [, name, optional, type],
  ) => optional && value[name] === undefined || isOf(value[name], type));
}

function isOf(value: unknown, type: string): boolean {
  if (type === "number") return Number.isFinite(value);
  if (type === "object") return isObject(value);
  if (type === "boolean") return typeof value === "boolean";
  if (type === "string") return typeof value === "string";
  const isList = type === "list" ? Array.isArray(value) : isObject(value);
  return isList &&
    Object.values(Object(value)).every((one) => typeof one === "string");
}
