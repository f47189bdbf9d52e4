/**
 * AWS STS on loopback: it checks who signs, gives each role keys of its own,
 * and knows afterwards whose they are. A target that is handed its principals
 * takes them.
 */

import { IamGate, type RefusalText } from "./iam_gate.ts";
import { SECRETS_SEEN } from "./secrets_seen.ts";
import type { Principal } from "../sigv4/verifier.ts";
import { TEST_CREDENTIALS, TEST_VERIFIER } from "./test_identity.ts";

/** Whom the test keys are taken for. */
export const BASE_ARN = "arn:aws:iam::123456789012:user/tests";

/** What STS was asked. */
export interface StsQuestion {
  readonly action: string;
  /** The ARN of whoever signed it. */
  readonly by: string;
  readonly role?: string;
  readonly session?: string;
  readonly seconds?: string;
  readonly externalId?: string;
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly sourceIdentity?: string;
  readonly tags?: readonly string[];
}

/** How it differs from the real one. */
export interface RoleStsOptions {
  readonly refuse?: (asked: StsQuestion) => RefusalText | undefined;
  /** Awaited before each answer. */
  readonly before?: (asked: StsQuestion) => Promise<void> | void;
}

/** A running STS. */
export class RoleSts implements AsyncDisposable {
  readonly asked: StsQuestion[] = [];
  /** Those who may sign, here and at the target; roles that were assumed, too. */
  readonly principals: Record<string, Principal> = {
    ...TEST_VERIFIER.principals,
  };
  /** Who they are, by access key ID. */
  readonly #arns = new Map<string, string>([
    [TEST_CREDENTIALS.accessKeyId, BASE_ARN],
  ]);
  #gate: IamGate | undefined;

  /** Starts one. */
  static async start(options: RoleStsOptions = {}): Promise<RoleSts> {
    const sts = new RoleSts();
    sts.#gate = await IamGate.start({
      verifier: {
        ...TEST_VERIFIER,
        service: "sts",
        principals: sts.principals,
      },
      dress: "xml",
      refuse: (record) => {
        const asked = sts.#read(record.text(), record.verdict);
        sts.asked.push(asked);
        return options.refuse?.(asked);
      },
      handler: async (_request, response, record) => {
        const asked = sts.#read(record.text(), record.verdict);
        await options.before?.(asked);
        response.setHeader("content-type", "text/xml");
        response.end(
          asked.action === "GetCallerIdentity"
            ? identity(asked.by)
            : sts.#assumed(asked),
        );
      },
    });
    return sts;
  }

  /** For `AWS_ENDPOINT_URL_STS`. */
  get url(): string {
    return this.#server.origin.origin;
  }

  /** `host:port`, for a permission. */
  get host(): string {
    return this.#server.origin.host;
  }

  get #server(): IamGate {
    if (this.#gate === undefined) throw new Error("it was not started");
    return this.#gate;
  }

  /** The roles that were asked for, in order. */
  get roles(): string[] {
    return this.asked.flatMap(({ role }) => role ?? []);
  }

  /** Whose an access key ID is. */
  arnOf(accessKeyId: string | undefined): string | undefined {
    return this.#arns.get(accessKeyId ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #read(text: string, verdict: object): StsQuestion {
    const form = new URLSearchParams(text);
    const principal = "principal" in verdict ? verdict.principal : "";
    const one = (name: string) => form.get(name) ?? undefined;
    const many = (name: RegExp) =>
      [...form].filter(([key]) => name.test(key)).map(([, value]) => value);
    const keys = many(/^Tags\.member\.\d+\.Key$/);
    const values = many(/^Tags\.member\.\d+\.Value$/);
    const policyArns = many(/^PolicyArns\.member\.\d+\.arn$/);
    return {
      action: form.get("Action") ?? "",
      by: this.#arns.get(String(principal)) ?? "",
      role: one("RoleArn"),
      session: one("RoleSessionName"),
      seconds: one("DurationSeconds"),
      externalId: one("ExternalId"),
      policy: one("Policy"),
      policyArns: policyArns.length > 0 ? policyArns : undefined,
      sourceIdentity: one("SourceIdentity"),
      tags: keys.length > 0
        ? keys.map((key, n) => `${key}=${values[n]}`)
        : undefined,
    };
  }

  #assumed({ role = "", session }: StsQuestion): string {
    const number = String(this.#arns.size).padStart(8, "0");
    const keyId = `ASIATESTROLE${number}`;
    const secret = `secret-of-the-role-${number}`;
    const token = `token/of+the/role+${number}==`;
    SECRETS_SEEN.note(secret);
    SECRETS_SEEN.note(token);
    const [, account, name] = /^arn:aws:iam::(\d+):role\/(.*)$/.exec(role) ??
      [];
    const arn = `arn:aws:sts::${account}:assumed-role/${name}/${session}`;
    this.#arns.set(keyId, arn);
    this.principals[keyId] = { secretAccessKey: secret, sessionToken: token };
    const end = new Date(Date.now() + 3_600_000).toISOString();
    return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>${arn}</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${keyId}</AccessKeyId>
      <SecretAccessKey>${secret}</SecretAccessKey>
      <SessionToken>${token}</SessionToken>
      <Expiration>${end}</Expiration>
    </Credentials>
  </AssumeRoleResult>
</AssumeRoleResponse>`;
  }
}

function identity(arn: string): string {
  const account = arn.split(":")[4];
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>${arn}</Arn><UserId>AROAEXAMPLE:s</UserId><Account>${account}</Account>
  </GetCallerIdentityResult>
</GetCallerIdentityResponse>`;
}
