/** The fuzzers, by what they are about. */

import { fuzzAccounts } from "./accounts.ts";
import { fuzzEventStreams } from "./event_streams.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { fuzzHttpHeads } from "./http_heads.ts";
import { fuzzJsonAnswers } from "./json_answers.ts";
import { fuzzLoginAnswers } from "./login_answers.ts";
import { fuzzOptions } from "./options.ts";
import { fuzzHttpReplays } from "./recorder/http_replays.ts";
import { fuzzRecorderInput } from "./recorder/input.ts";
import { fuzzRecordings } from "./recorder/recordings.ts";
import { fuzzReplays } from "./recorder/replays.ts";
import { fuzzSharedFiles } from "./shared_files.ts";
import { fuzzStdinFrames } from "./stdin_frames.ts";
import { fuzzToolSchemas } from "./tool_schemas.ts";

/** Each with as many cases as take a second or so, but for those that wait. */
export const FUZZERS: Readonly<
  Record<string, {
    readonly fuzz: Fuzzer;
    readonly cases: number;
    /** Whether a case may take half a minute. */
    readonly isSlow?: boolean;
  }>
> = {
  "lines on stdin": { fuzz: fuzzStdinFrames, cases: 300 },
  "event streams": { fuzz: fuzzEventStreams, cases: 200 },
  "bodies of answers": { fuzz: fuzzJsonAnswers, cases: 300 },
  "requests at the HTTP server": { fuzz: fuzzHttpHeads, cases: 300 },
  "schemas of tools": { fuzz: fuzzToolSchemas, cases: 800 },
  "accounts and hostile tools": { fuzz: fuzzAccounts, cases: 400 },
  "answers to a login's question": { fuzz: fuzzLoginAnswers, cases: 150 },
  "what a recorder sees": { fuzz: fuzzRecorderInput, cases: 60 },
  "recordings": { fuzz: fuzzRecordings, cases: 100 },
  "replays": { fuzz: fuzzReplays, cases: 1, isSlow: true },
  "replays of HTTP server mode": { fuzz: fuzzHttpReplays, cases: 2 },
  "shared files": { fuzz: fuzzSharedFiles, cases: 150 },
  "options": { fuzz: fuzzOptions, cases: 1_000 },
};
