/**
 * The doctor's look at this machine: what Deno may do, what time it is, and
 * where the HTTP server mode is to listen.
 */

import { createServer } from "node:http";
import { FLAG_NAMES } from "../../config/settings.ts";
import { ConfigError, reasonOf } from "../../errors.ts";
import {
  listen,
  listenNeeds,
  runtimeDirectory,
  writeTokenFile,
} from "../../http/listen.ts";
import { isTcp, type ListenAddress, nameOf } from "../../net/listen_address.ts";
import { commaNotes, type Need } from "../../permissions.ts";
import { offsetOf } from "../caller.ts";
import { withLimit } from "../../time.ts";
import { findNeeds, permissionFlags } from "../needs.ts";
import {
  type Checkup,
  failed,
  type Finding,
  note,
  SET_CLOCK,
} from "./report.ts";

/** Tells what the program lacks, and whether it may reach the target. */
export async function findMissing(
  { context, config }: Checkup,
): Promise<Finding<boolean>> {
  const needs = await findNeeds(config, context, { hereOnly: true });
  const missing = context.notGranted(needs);
  const isOwn = ({ value }: Need) => value.startsWith("MCP_");
  const own = missing.filter(isOwn);
  const others = missing.filter((need) => !isOwn(need));
  const value = !others.some(({ why }) => why === "reach the target");
  const needed = permissionFlags(needs);
  const hidden = own.length === 0 ? [] : [
    "variables that begin with MCP_ are not looked at; to have them count, " +
    `add ${permissionFlags(own).slice(1).join(" ")}`,
  ];
  if (others.length === 0) {
    const kinds = [...new Set(needs.map(({ kind }) => kind))];
    const detail = `enough for this target (${kinds.join(", ")})`;
    return { detail, advice: hidden, facts: { needed }, value };
  }
  const purposes = [...new Set(others.map(({ why }) => `to ${why}`))];
  const flags = permissionFlags(others).slice(1);
  const add = flags.length === 0 ? [] : [`add ${flags.join(" ")}`];
  return {
    ...failed(
      `no permission ${purposes.join(", ")}`,
      ...add,
      ...commaNotes(others),
      ...hidden,
    ),
    facts: { needed, missing: flags },
    value,
  };
}

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
const TOLERANCE_MS = 5 * 60_000;

/** More than this is worth a word. */
const WORTH_A_WORD_MS = 60_000;

/**
 * Compares this machine's clock with AWS's, or else with the target's: a
 * signature names its time.
 */
export async function checkClock(
  checkup: Checkup,
  stsOffsetMs: number | undefined,
  isReached: boolean,
): Promise<void> {
  const { report } = checkup;
  if (stsOffsetMs === undefined && !isReached) {
    return await report.skip(["clock"], "the target was not reached");
  }
  await report.take("clock", async () => {
    const offsetMs = stsOffsetMs ?? await askTarget(checkup);
    if (typeof offsetMs === "string") return note(`not known: ${offsetMs}`);
    const other = stsOffsetMs === undefined ? "the target" : "STS";
    const facts = { offsetMs, comparedWith: other };
    const off = Math.abs(offsetMs);
    if (off < 1000) return { detail: `the same as ${other}'s`, facts };
    const direction = offsetMs < 0 ? "ahead of" : "behind";
    const detail = `${Math.round(off / 1000)} s ${direction} ${other}'s`;
    if (off > TOLERANCE_MS) return { ...failed(detail, SET_CLOCK), facts };
    const advice = off > WORTH_A_WORD_MS
      ? ["from five minutes on, AWS refuses it"]
      : [];
    return { detail, advice, facts };
  });
}

/** A `HEAD` says what time it is, whatever else it is answered with. */
async function askTarget(
  { config, fetches, limitMs }: Checkup,
): Promise<number | string> {
  const send = fetches?.toTarget ?? fetch;
  try {
    return await withLimit(limitMs, async (signal) => {
      const sentAt = Date.now();
      const init: RequestInit = { method: "HEAD", redirect: "manual", signal };
      const response = await send(config.targetUrl, init);
      await response.body?.cancel();
      return offsetOf(response, sentAt) ??
        "the target does not say what time it has";
    });
  } catch (error) {
    return reasonOf(error);
  }
}

/** Listens for a moment, if the proxy is to listen at all. */
export async function tryListening(
  { config, context, log }: Checkup,
): Promise<Finding | undefined> {
  const { listen } = config;
  if (listen === undefined) return undefined;
  const address = nameOf(listen.address);
  const missing = context.notGranted(await listenNeeds(listen, context));
  // Without them a question at the terminal would come up.
  if (missing.length > 0) {
    return failed(
      `no permission to listen at ${address}`,
      "the step permissions says which flags to add",
    );
  }
  let isOpen = false;
  try {
    await tryAddress(listen.address);
    isOpen = true;
    if (listen.token === undefined) {
      const directory = runtimeDirectory(context.env);
      await using _file = await writeTokenFile("", log, directory, FLAG_NAMES);
    }
    return { detail: `${address} is free` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const detail = error.faults.join("; ");
    const advice = isOpen
      ? "or name a directory that you may write to with XDG_RUNTIME_DIR"
      : adviceFor(listen.address, detail);
    return failed(detail, advice);
  }
}

function adviceFor(address: ListenAddress, detail: string): string {
  const isBusy = detail.includes("EADDRINUSE");
  if (isTcp(address)) {
    return isBusy
      ? "end what listens there, or choose another port"
      : "choose an address of this machine, and a port that you may open";
  }
  if (isBusy) return "end what listens there, or choose another path";
  return detail.includes("no socket")
    ? "move the file away, or choose another path"
    : "make the directory, one that you may write to, or choose another path";
}

async function tryAddress(address: ListenAddress): Promise<void> {
  const server = createServer();
  await listen(server, address, FLAG_NAMES);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
