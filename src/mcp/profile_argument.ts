/**
 * The argument of a tool that names an AWS profile: put into lists of tools,
 * and taken out of calls.
 *
 * @module
 */

import type { Log } from "../log.ts";
import { isObject } from "./message.ts";
import {
  insertMembers,
  memberAt,
  memberNamed,
  membersOf,
  removeMembers,
} from "./splice.ts";

/** The argument that names the profile. */
export const PROFILE_ARGUMENT = "aws_profile";

/** What the parameters of a call name as its profile. */
export function profileIn(params: unknown): unknown {
  if (!isObject(params) || !isObject(params.arguments)) return undefined;
  return params.arguments[PROFILE_ARGUMENT];
}

/** The frame of a call without the argument. */
export function withoutProfile(bytes: Uint8Array): Uint8Array {
  const range = memberAt(bytes, ["params", "arguments"]);
  if (!range) return bytes;
  return removeMembers(bytes, range, ({ name }) => name === PROFILE_ARGUMENT);
}

/** The parameters of a call without the argument. */
export function paramsWithoutProfile(params: unknown): unknown {
  if (!isObject(params) || !isObject(params.arguments)) return params;
  const { [PROFILE_ARGUMENT]: _profile, ...rest } = params.arguments;
  return { ...params, arguments: rest };
}

/** The frame of a `tools/list` result, each tool with the argument. */
export function withProfileArgument(
  frame: Uint8Array,
  profiles: readonly string[],
  log: Log,
): Uint8Array {
  const list = memberAt(frame, ["result", "tools"]);
  if (!list) return frame;
  const member = `${JSON.stringify(PROFILE_ARGUMENT)}:${
    JSON.stringify({
      type: "string",
      enum: profiles,
      description: `AWS profile (account and role) to call the tool with; ${
        profiles[0]
      } if none is given`,
    })
  }`;
  // From the last to the first, so that no place moves before it is used.
  return membersOf(frame, list).reduceRight((text, tool) => {
    const schema = memberNamed("inputSchema", text, tool);
    if (!schema) return text;
    const properties = memberNamed("properties", text, schema);
    if (!properties) {
      return insertMembers(text, schema, `"properties":{${member}}`);
    }
    if (memberNamed(PROFILE_ARGUMENT, text, properties)) {
      const name = memberNamed("name", text, tool)?.source;
      log.warn(`a tool has an argument ${PROFILE_ARGUMENT} of its own`, {
        tool: name,
      });
      return text;
    }
    return insertMembers(text, properties, member);
  }, frame);
}
