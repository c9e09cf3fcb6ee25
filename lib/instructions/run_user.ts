/**
 * Who a command runs as: the USER so far, or that of the base image, looked up in the image (dockerfile.md 3.7).
 *
 * @module
 */
import { parseOwner } from "../dockerfile/values/user.ts";
import { lookUpRunUser, type RunUser } from "../exec/users.ts";

/**
 * Returns the ids for `user[:group]`, where both may be empty, as in container runtimes: no user is 0, no group is the
 * user's own.
 *
 * @param root descriptor of the rootfs.
 * @throws {KilnError} kind `dockerfile`, if it is malformed or a name is not in the image.
 */
export function findRunUser(root: number, text: string): RunUser {
  return lookUpRunUser(root, parseOwner(text.replace(/:$/, "")));
}
