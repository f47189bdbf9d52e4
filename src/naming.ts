/**
 * What errors call the options: by what a program that imports this package has
 * them under. The command hands in its flags and variables in their place.
 */

/** The options that errors name, as mod.ts and the parts below it have them. */
export const OPTION_NAMES = {
  accountRole: "accounts",
  allowAccount: "accounts.allow",
  allowRole: "accounts.allowRole",
  allowTool: "tools.allow",
  assumeRole: "assumeRole",
  caCert: "caCerts of Deno.createHttpClient",
  clientCert: "cert and key of Deno.createHttpClient",
  connectTimeoutMs: "connectTimeoutMs",
  denyTool: "tools.deny",
  header: "headers",
  idleTimeoutMs: "idleTimeoutMs",
  listen: "listen",
  login: "findLogin",
  maxAnswerBytes: "maxAnswerBytes",
  maxBodyBytes: "maxBodyBytes",
  maxFrameBytes: "maxFrameBytes",
  noToken: "token: false",
  onlyRead: "config.readOnly",
  profile: "profile",
  profiles: "profiles",
  readOnly: "tools.readOnly",
  record: "path",
  recordMaxBytes: "maxBytes",
  region: "region",
  service: "service",
  signatureVersion: "signatureVersion",
  timeoutMs: "timeoutMs",
  token: "token",
  transportSse: 'transport: "sse"',
  unsignedPayload: "unsignedPayload",
  writeRole: "writer",
} as const;

export type OptionNames = Readonly<Record<keyof typeof OPTION_NAMES, string>>;

/** What has errors that name options. */
export interface Naming {
  readonly names: OptionNames;
}
