/**
 * Tasks, which outlive the call that began them.
 *
 * @module
 */

import { SMALL_BYTES } from "./large_message.ts";
import {
  isObject,
  type ResponseMessage,
  type SingleMessage,
} from "./message.ts";
import { memberAt, sourceOf } from "./splice.ts";

/**
 * Where a result tells of its task: in 2025-11-25 an answer to a call has it in
 * `task`; later, and in answers about a task, the result is the task.
 */
const PATHS = [["result", "task", "taskId"], ["result", "taskId"]];

/** The task that an answer tells of; a large one is not parsed to learn it. */
export function taskIdIn(
  answer: ResponseMessage,
  frame: Uint8Array,
): string | undefined {
  if (frame.length > SMALL_BYTES) return taskIdInLarge(frame);
  const { result } = answer;
  if (!isObject(result)) return undefined;
  const { taskId } = isObject(result.task) ? result.task : result;
  return typeof taskId === "string" ? taskId : undefined;
}

function taskIdInLarge(frame: Uint8Array): string | undefined {
  for (const path of PATHS) {
    const place = memberAt(frame, path);
    if (!place) continue;
    const taskId: unknown = JSON.parse(sourceOf(frame, place));
    if (typeof taskId === "string") return taskId;
  }
  return undefined;
}

/** The task that a request is about, such as `tasks/get`. */
export function taskIdAskedFor(message: SingleMessage): string | undefined {
  if (message.kind !== "request") return undefined;
  const { method, params } = message;
  if (!method.startsWith("tasks/") || !isObject(params)) return undefined;
  return typeof params.taskId === "string" ? params.taskId : undefined;
}
