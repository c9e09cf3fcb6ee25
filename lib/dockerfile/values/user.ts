/**
 * `user[:group]`, as USER and `--chown` take it, and numeric ids.
 *
 * Ids are read strictly: container tools that let `4294967296` overflow ran programs as root instead (CVE-2024-40635,
 * CVE-2026-46680; attack S32).
 *
 * @module
 */
import { KilnError } from "../../errors.ts";

/** A user or group: a number, or a name to be looked up in the image. */
export type Account = { readonly kind: "id"; readonly id: number } | { readonly kind: "name"; readonly name: string };

/** Who a process runs as or a file belongs to. */
export interface Owner {
  /** Absent only in the empty text. */
  readonly user?: Account;
  readonly group?: Account;
}

/** 2^32 - 1 means "leave as it is" to the kernel; no account can have it. */
export const MAX_ID = 2 ** 32 - 2;

/**
 * Splits `user[:group]`. An empty user or group in front of or behind the colon is 0, as in BuildKit.
 *
 * @throws {KilnError} kind `dockerfile`, naming the part that is neither an id nor a name.
 */
export function parseOwner(text: string): Owner {
  if (text === "") return {};
  const [user = "", group, ...more] = text.split(":");
  if (more.length > 0) throw badOwner(text, "it has more than one colon");
  return {
    user: parseAccount(user || "0", text),
    ...(group === undefined ? {} : { group: parseAccount(group || "0", text) }),
  };
}

/** Digits only are an id, also `007`. What merely looks like a number is a mistake, not a name. */
function parseAccount(part: string, text: string): Account {
  if (/^[0-9]+$/.test(part)) {
    const id = Number(part);
    if (id > MAX_ID) throw badOwner(text, `${part} is larger than the largest id, ${MAX_ID}`);
    return { kind: "id", id };
  }
  if (/^[-+]?[0-9]+$/.test(part) || /^0[xXoObB][0-9a-fA-F]+$/.test(part)) {
    throw badOwner(text, `"${part}" is not an id`, "an id is decimal digits without a sign");
  }
  // deno-lint-ignore no-control-regex -- control characters could forge fields of /etc/passwd look-ups and log lines
  if (/[\x00-\x20\x7f/]/.test(part)) throw badOwner(text, `"${part}" is not a name`);
  return { kind: "name", name: part };
}

function badOwner(text: string, state: string, hint?: string): KilnError {
  return new KilnError("dockerfile", `Cannot use the owner "${text}": ${state}`, hint === undefined ? {} : { hint });
}
