/**
 * `${NAME}` in a value → what the environment variable holds, so that no secret
 * stands in a list of arguments.
 */

import type { Env } from "./option.ts";
import type { Reading } from "./settings.ts";

// `$${` is a plain `${`; a `${` that begins no name is not passed over.
const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_]\w*)\})?/g;

/**
 * The secrets of AWS's in the environment: keys and tokens of the AWS CLI, the
 * SDKs, containers and Bedrock, those to come included. What ends with `_FILE`
 * holds the path of one.
 */
const AWS_SECRET = /^(?:AWS|AMAZON)_(?:\w*_)?(?:SECRET|TOKEN|PASSWORD)(?:_|$)/;

/**
 * Replaces each `${NAME}` in a value. `$${` stands for a plain `${`, and what a
 * variable holds is not looked at again.
 *
 * @param about What a fault calls it; it shows nothing else but variables' names.
 */
export function expandVariables(
  text: string,
  about: string,
  { env, faults, variables, secrets }: Pick<
    Reading,
    "env" | "faults" | "variables" | "secrets"
  >,
): string | undefined {
  const found: [name: string, value: string][] = [];
  let fault: string | undefined;
  const expanded = text.replace(REFERENCE, (match, name?: string) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      fault ??= "has a ${ without a variable's name and } " +
        "(write ${NAME}, or $${ for a plain ${)";
      return "";
    }
    const value = env(name);
    if (isAwsSecret(name) || holdsAwsSecret(value, env)) {
      fault ??=
        `names ${name}, a secret of AWS's that goes nowhere (name another)`;
    } else if (value?.trim()) {
      // Without the blanks around it, which a header does without, too.
      found.push([name, value.trim()]);
      return value;
    } else {
      fault ??= `names ${name}, which is not set or may not be read ` +
        `(set ${name}, with --allow-env=${name}, or write $\${ for a plain \${)`;
    }
    return "";
  });
  if (fault !== undefined) {
    faults.push(`${about} ${fault}`);
    return undefined;
  }
  for (const [name, value] of found) {
    variables.add(name);
    secrets.add(value);
  }
  return expanded;
}

/** The secrets of AWS's that any user of its tools may have in the environment. */
const AWS_SECRETS = [
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_BEARER_TOKEN_BEDROCK",
] as const;

/** Whether a variable of another name holds a copy of one. */
function holdsAwsSecret(value: string | undefined, env: Env): boolean {
  const text = value?.trim();
  return Boolean(text) &&
    AWS_SECRETS.some((name) => env(name)?.trim() === text);
}

/** Windows takes the name of a variable in any case. */
function isAwsSecret(name: string): boolean {
  const upper = name.toUpperCase();
  return AWS_SECRET.test(upper) && !upper.endsWith("_FILE");
}
