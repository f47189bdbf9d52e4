/**
 * A home with the SSO session `corp` and the portal that it is of, and tokens of
 * `aws login`.
 */

import { createHash, generateKeyPairSync } from "node:crypto";
import {
  inAnHour,
  keysOf,
  SsoPeer,
} from "../../support/aws/credential_peers.ts";
import { type Probing, World } from "./world.ts";

export const START_URL = "https://corp.awsapps.com/start";

/** The profile `dev` of that session. */
export const CORP = "[profile dev]\nsso_session = corp\n" +
  "sso_account_id = 123456789012\nsso_role_name = Dev\n" +
  "[sso-session corp]\nsso_region = eu-west-1\n" +
  `sso_start_url = ${START_URL}\n`;

export const OVER = new Date(Date.now() - 60_000);

/** What a token has by which it is renewed, once. */
export const RENEWABLE = {
  clientId: "client-1",
  clientSecret: "client-secret-1",
  refreshToken: "refresh-token-1",
};

/** Where the token of a session, or of a start URL, is in the home. */
export function tokenFile(name = "corp"): string {
  const hash = createHash("sha1").update(name).digest("hex");
  return `.aws/sso/cache/${hash}.json`;
}

/** Keeps the token of `aws login` for a session, with keys of that name. */
export function keepLogin(
  world: World,
  session: string,
  keys: string,
  expiresAt: Date,
  more: object = {},
  directory = ".aws/login/cache",
): string {
  const hash = createHash("sha256").update(session).digest("hex");
  const end = { accountId: "123456789012", expiresAt: expiresAt.toISOString() };
  const token = {
    accessToken: { ...keysOf(keys), ...end },
    clientId: "client-1",
    refreshToken: "refresh-token-1",
    dpopKey: "unused",
    ...more,
  };
  return world.write(`${directory}/${hash}.json`, JSON.stringify(token));
}

/** A key to prove renewals with. */
export function dpopKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ format: "pem", type: "sec1" }).toString();
}

/** `access-token-1` is the token that its portal takes. */
export class SsoWorld extends World {
  readonly sso: SsoPeer = new SsoPeer("access-token-1");

  constructor(config: string = CORP) {
    super();
    this.write(".aws/config", config);
  }

  /** Keeps a token as `aws sso login` leaves it. */
  keep(
    accessToken: string,
    expiresAt: Date = inAnHour(),
    more: object = {},
    name?: string,
  ): string {
    const end = { expiresAt: expiresAt.toISOString(), region: "eu-west-1" };
    const token = JSON.stringify({ accessToken, ...end, ...more });
    return this.write(tokenFile(name), token);
  }

  /** How its portal is asked, with what permissions, if it is to be a process. */
  asking(
    { profile = "dev", env, ...more }: Partial<Probing> & {
      readonly profile?: string;
    } = {},
  ): Probing {
    return {
      options: { profile },
      env: {
        AWS_ENDPOINT_URL_SSO: this.sso.url,
        AWS_ENDPOINT_URL_SSO_OIDC: this.sso.url,
        ...env,
      },
      ...more,
    };
  }

  /** What its portal and token service were asked for. */
  get asked(): string[] {
    return this.sso.requests.map(({ path }) => path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sso[Symbol.asyncDispose]();
    this[Symbol.dispose]();
  }
}
