import { assert } from "@std/assert";
import type { SignerOptions } from "../../../src/aws/signing/core.ts";
import { type GateRecord, IamGate } from "../../support/iam_gate.ts";
import type { VerifierOptions } from "../../support/sigv4_verifier.ts";

export const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

export const SESSION = { ...KEY, sessionToken: "a/session+token==" };

export const SIGNER: SignerOptions = {
  service: "bedrock-agentcore",
  region: "eu-west-1",
  credentials: KEY,
};

export function startGate(
  options: Partial<VerifierOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: {
      principals: { AKIDEXAMPLE: KEY },
      region: "eu-west-1",
      service: "bedrock-agentcore",
      ...options,
    },
    handler: (_request, response) => {
      response.end("ok");
    },
  });
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
