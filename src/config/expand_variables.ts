/**
 * `${NAME}` in a value → what the environment variable holds, so that no secret
 * stands in a list of arguments.
 *
 * @module
 */

/** A value, its variables replaced, or why one of them was not. */
export type Expansion =
  | {
    readonly text: string;
    /** The variables that were named. */
    readonly names: readonly string[];
    /** What they hold: secrets, as a rule. */
    readonly secrets: readonly string[];
  }
  | {
    /** Completes "the value of …", with its remedy. */
    readonly fault: string;
  };

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
 * @param text The value as it was given.
 * @param env Looks up a variable.
 * @returns The value, or what is wrong with it. No fault shows any of it but
 * the names of variables.
 */
export function expandVariables(
  text: string,
  env: (name: string) => string | undefined,
): Expansion {
  const names = new Set<string>();
  const secrets = new Set<string>();
  let fault: string | undefined;
  const expanded = text.replace(REFERENCE, (match, name?: string) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      fault ??= "has a ${ without a variable's name and } " +
        "(write ${NAME}, or $${ for a plain ${)";
      return "";
    }
    const isSecret = isAwsSecret(name) || holdsAwsSecret(env(name), env);
    const value = isSecret ? undefined : env(name);
    if (value?.trim()) {
      names.add(name);
      // Without the blanks around it, which a header does without, too.
      secrets.add(value.trim());
      return value;
    }
    fault ??= isSecret
      ? `names ${name}, a secret of AWS's that goes nowhere (name another)`
      : `names ${name}, which is not set or may not be read ` +
        `(set ${name}, with --allow-env=${name}, or write $\${ for a plain \${)`;
    return "";
  });
  return fault === undefined
    ? { text: expanded, names: [...names], secrets: [...secrets] }
    : { fault };
}

/** The secrets of AWS's that any user of its tools may have in the environment. */
const AWS_SECRETS = [
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_BEARER_TOKEN_BEDROCK",
] as const;

/** Whether a variable of another name holds a copy of one. */
function holdsAwsSecret(
  value: string | undefined,
  env: (name: string) => string | undefined,
): boolean {
  const text = value?.trim();
  return Boolean(text) &&
    AWS_SECRETS.some((name) => env(name)?.trim() === text);
}

/** Windows takes the name of a variable in any case. */
function isAwsSecret(name: string): boolean {
  const upper = name.toUpperCase();
  return AWS_SECRET.test(upper) && !upper.endsWith("_FILE");
}
