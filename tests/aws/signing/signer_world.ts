/** A signer, and a gate that knows its key. */
import { assert } from "@std/assert";
import { KEY, startGate as startAnyGate } from "./sign_world.ts";
import type { SignerOptions } from "../../../src/aws/signing/core.ts";
import type { Signer } from "../../../src/aws/signing/signer.ts";
import type { GateRecord, IamGate } from "../../support/aws/iam_gate.ts";
import type { VerifierOptions } from "../../support/sigv4/verifier.ts";

export const SESSION = { ...KEY, sessionToken: "a/session+token==" };

export const SIGNER: SignerOptions = {
  service: "bedrock-agentcore",
  region: "eu-west-1",
  credentials: KEY,
};

/** A gate that takes what this signer signs. */
export function startGate(
  options: Partial<VerifierOptions> = {},
): Promise<IamGate> {
  return startAnyGate({ service: SIGNER.service, ...options });
}

/** Sends a signed request, and gives what the gate saw of it. */
export async function send(
  gate: IamGate,
  signed: Request,
): Promise<GateRecord> {
  const response = await fetch(signed);
  const text = await response.text();
  const record = await gate.records.next();
  assert(record.verdict.ok, `${record.method} ${record.target}\n${text}`);
  return record;
}

/** Signs a request to a gate and sends it; gives what the gate saw of it. */
export async function sendSigned(
  gate: IamGate,
  signer: Signer,
  path: string | URL = "/mcp",
  init?: RequestInit,
): Promise<GateRecord> {
  const request = new Request(new URL(path, gate.origin), init);
  return await send(gate, await signer.sign(request));
}
