/**
 * What the program may have been told to do besides: the options that put
 * something between client and target, each with what it needs and what it
 * owes.
 */

import { OPTION_NAMES } from "../../src/naming.ts";
import { loadRecording } from "../../src/recorder/read.ts";
import type { LaunchOptions } from "../support/program/launch.ts";
import {
  LOGIN_ARGS,
  LoginWorld,
  OPENS_PAGES,
} from "../support/aws/login_world.ts";
import { BASE_ARN, RoleSts } from "../support/aws/role_sts.ts";
import { roleArn } from "../support/aws/role_world.ts";
import type { VerifierOptions } from "../support/sigv4/verifier.ts";
import {
  keySettings,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import type { HttpOutcome } from "./fate.ts";
import type { PlannedRequest } from "./schedule.ts";
import { tempDir } from "../support/temp_dir.ts";

/** One of them. */
export interface Layer {
  readonly launch: Pick<
    LaunchOptions,
    "args" | "env" | "permissions" | "home"
  >;
  /** Who may sign. */
  readonly principals?: VerifierOptions["principals"];
  /** What the client says of itself. */
  readonly initialize?: Readonly<Record<string, unknown>>;
  /** What a call of a tool has beside its own arguments. */
  readonly argumentsOf?: (number: number) => Readonly<Record<string, unknown>>;
  /** Whether a request may be signed with a key. */
  readonly maySign?: (number: number, keyId: string) => boolean;
  /** Whether a request is refused, and never sent. */
  readonly refuses?: (request: PlannedRequest) => boolean;
  /** How a request may end besides. */
  readonly mayEnd?: HttpOutcome;
  /** What is wrong with a result. */
  readonly faultIn?: (result: Readonly<Record<string, unknown>>) =>
    | string
    | undefined;
  /** Does something before a request. */
  readonly before?: (number: number) => Promise<void> | void;
  /** What must not have happened, once the program has ended. */
  readonly violations?: () => Promise<readonly string[]>;
}

const ACCOUNTS = ["111122223333", "222233334444", "333344445555"];
const PROFILES = ["dev", "audit"];

/** How often an SSO session ends, in requests. */
const LOGIN_EVERY = 100;
const RECORD_MIB = 2;

const profileKey = (profile: string) => `AKIDTESTSOAK${profile.toUpperCase()}`;
const profileSecret = (profile: string) => `the-secret-of-${profile}-in-a-soak`;

/** An STS, and what the program needs to reach it. */
async function withSts(
  stack: AsyncDisposableStack,
  args: readonly string[],
): Promise<{ readonly sts: RoleSts; readonly launch: Layer["launch"] }> {
  const sts = stack.use(await RoleSts.start());
  const env = { AWS_ENDPOINT_URL_STS: sts.url };
  const permissions = { net: [sts.host], env: ["_X_AMZN_TRACE_ID"] };
  return { sts, launch: { args, env, permissions } };
}

/** All of them, by name. */
export const LAYERS: Readonly<
  Record<string, (stack: AsyncDisposableStack) => Layer | Promise<Layer>>
> = {
  "none": () => ({ launch: {} }),
  "small options": () => ({
    launch: {
      args: [
        "--sse",
        "--keep-alive=5s",
        "--deny-tool=x",
        "--metadata=a=b",
        "--max-concurrency=16",
      ],
    },
  }),
  "bridge": () => ({ launch: { args: ["--bridge"] } }),
  "read-only": () => ({
    launch: { args: ["--read-only"] },
    refuses: ({ message: { params } }) => params.name === "write",
  }),
  "recorder": async (stack) => {
    const home = stack.use(await tempDir()).path;
    const path = `${home}/run.jsonl`;
    return {
      launch: {
        home,
        args: [`--record=${path}`, `--record-max=${RECORD_MIB}MiB`],
        permissions: { read: [home], write: [home] },
      },
      violations: async () => {
        const { lines, unread } = await loadRecording(path, OPTION_NAMES);
        const faults = unread === 0 ? [] : [`${unread} lines are unread`];
        if (lines.length === 0) faults.push("nothing was recorded");
        let bytes = 0;
        for await (const { name } of Deno.readDir(home)) {
          if (!name.startsWith("run.jsonl")) continue;
          bytes += (await Deno.stat(`${home}/${name}`)).size;
          const text = await Deno.readTextFile(`${home}/${name}`);
          if (text.includes("soak-session-")) faults.push("a session ID is in");
        }
        const isLarge = bytes > RECORD_MIB * 1024 * 1024;
        return isLarge ? [...faults, `${bytes} bytes are recorded`] : faults;
      },
    };
  },
  "receipt": async (stack) => {
    const { launch } = await withSts(stack, ["--receipt"]);
    return {
      launch,
      faultIn: ({ _meta }) => {
        const { arn } = Object(Object(_meta)["sigv4-proxy/identity"]);
        // A machine that stands still may be slower than STS may be.
        const isRight = arn === BASE_ARN || arn === undefined;
        return isRight ? undefined : `it is from ${arn}`;
      },
    };
  },
  "account-role": async (stack) => {
    const { sts, launch } = await withSts(stack, [
      `--account-role=${roleArn("agent", "{account}")}`,
      ...ACCOUNTS.map((account) => `--allow-account=${account}`),
    ]);
    const accountOf = (number: number) => [...ACCOUNTS, undefined][number % 4];
    return {
      launch,
      principals: sts.principals,
      argumentsOf: (number) => {
        const account = accountOf(number);
        return account === undefined ? {} : { aws_account: account };
      },
      maySign: (number, keyId) => {
        const account = accountOf(number);
        const arn = sts.arnOf(keyId) ?? "";
        return account === undefined
          ? arn === BASE_ARN
          : arn.includes(`::${account}:assumed-role/agent/`);
      },
    };
  },
  "profiles": async (stack) => {
    const sections = PROFILES.map((name) =>
      `[profile ${name}]\nregion = ${TEST_SCOPE.region}\n` +
      keySettings({
        accessKeyId: profileKey(name),
        secretAccessKey: profileSecret(name),
      })
    );
    const config = { ".aws/config": sections.join("\n") };
    const home = stack.use(await tempDir(config)).path;
    const profileOf = (number: number) => PROFILES[number % PROFILES.length];
    return {
      launch: { home, args: PROFILES.map((name) => `--profile=${name}`) },
      principals: Object.fromEntries(
        PROFILES.map((name) => [
          profileKey(name),
          { secretAccessKey: profileSecret(name) },
        ]),
      ),
      argumentsOf: (number) => ({ aws_profile: profileOf(number) }),
      maySign: (number, keyId) => keyId === profileKey(profileOf(number)),
    };
  },
  "login": async (stack) => {
    const world = stack.use(await LoginWorld.start());
    await world.logInElsewhere();
    world.peer.answer = "token";
    const { home, args, env, permissions } = world.launch({ args: LOGIN_ARGS });
    let isOver = false;
    return {
      launch: { home, args, env, permissions },
      initialize: OPENS_PAGES,
      // No call waits for a second login.
      mayEnd: "own:credentials",
      before: async (number) => {
        if (number % LOGIN_EVERY !== LOGIN_EVERY - 1) return;
        isOver = true;
        world.peer.tokens.clear();
        await world.writeToken();
      },
      violations: () => {
        const isMissed = isOver && world.peer.begun === 0;
        return Promise.resolve(isMissed ? ["nobody had to sign in"] : []);
      },
    };
  },
};

/** Who may sign unless a layer says otherwise. */
export const { principals: USUAL_PRINCIPALS } = TEST_VERIFIER;
