/**
 * Tasks, which outlive the call that began them.
 *
 * @module
 */

import {
  isObject,
  type ResponseMessage,
  type SingleMessage,
} from "./message.ts";
import { valueInResult } from "./splice.ts";

/**
 * The task that an answer tells of: in 2025-11-25 an answer to a call has it in
 * `task`; later, and in answers about a task, the result is the task.
 */
export function taskIdIn(
  answer: ResponseMessage,
  frame: Uint8Array,
): string | undefined {
  const taskId = valueInResult(answer, frame, ["task", "taskId"]) ??
    valueInResult(answer, frame, ["taskId"]);
  return typeof taskId === "string" ? taskId : undefined;
}

/** The task that a request is about, such as `tasks/get`. */
export function taskIdAskedFor(message: SingleMessage): string | undefined {
  if (message.kind !== "request") return undefined;
  const { method, params } = message;
  if (!method.startsWith("tasks/") || !isObject(params)) return undefined;
  return typeof params.taskId === "string" ? params.taskId : undefined;
}
