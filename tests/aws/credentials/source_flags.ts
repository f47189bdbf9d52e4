/** The flags of the table in docs/aws-credentials.md. */

import { SDK_ENV } from "../../../src/aws/credentials/sources/sdk.ts";

/** What the AWS SDK reads, as short as `--allow-env` takes it. */
export const SDK_ENV_PATTERN: string = [
  "AWS_*",
  ...SDK_ENV.filter((name) => !name.startsWith("AWS_")),
].join(",");

/** A kind of source. */
export type SourceKind =
  | "environment"
  | "shared files"
  | "role"
  | "credential process"
  | "SSO"
  | "login"
  | "web identity"
  | "container"
  | "instance";

const SDK_ENV_FLAG = `--allow-env=${SDK_ENV_PATTERN}`;
const FILES_FLAG = "--allow-read=$HOME/.aws/config,$HOME/.aws/credentials";
const STS_FLAG = "--allow-net=sts.<region>.amazonaws.com";

/**
 * The flags that each source of credentials needs, beside the target's own. A
 * role over another source needs the flags of both.
 */
export const SOURCE_FLAGS: Readonly<
  Record<SourceKind, readonly string[]>
> = {
  "environment": ["--allow-env=AWS_*"],
  "shared files": ["--allow-env=AWS_*,HOME", FILES_FLAG],
  "role": [SDK_ENV_FLAG, FILES_FLAG, STS_FLAG],
  "credential process": [
    "--allow-env=AWS_*,HOME",
    FILES_FLAG,
    "--allow-run=<program>",
  ],
  "SSO": [
    "--allow-env=AWS_*,HOME",
    `${FILES_FLAG},$HOME/.aws/sso/cache`,
    "--allow-write=$HOME/.aws/sso/cache",
    "--allow-net=portal.sso.<region>.amazonaws.com,oidc.<region>.amazonaws.com",
  ],
  "login": [
    "--allow-env=AWS_*,HOME",
    `${FILES_FLAG},$HOME/.aws/login/cache`,
    "--allow-write=$HOME/.aws/login/cache",
    "--allow-net=<region>.signin.aws.amazon.com",
  ],
  "web identity": [SDK_ENV_FLAG, "--allow-read=<token file>", STS_FLAG],
  "container": ["--allow-env=AWS_*,HOME", "--allow-net=169.254.170.2"],
  "instance": ["--allow-env=AWS_*,HOME", "--allow-net=169.254.169.254"],
};
