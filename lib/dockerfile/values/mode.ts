/**
 * The modes of `--chmod=`: octal (`0755`) or chmod's symbolic clauses (`u=rwX,go=rX`, `a+x`, `g=u`, `+t`). There is no
 * umask: a clause without `u`, `g`, `o` or `a` means all of them.
 *
 * Source of the symbolic semantics: BSD's setmode(3), which BuildKit uses. Two points where it is not GNU chmod: `X`
 * looks at the mode before the whole change, and `s` and `t` given to `o` alone do nothing.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";

/** A parsed mode. */
export interface Mode {
  /** The mode itself when it was octal. Only an octal mode applies to parent directories that COPY creates. */
  readonly octal?: number;
  /** Returns the permission bits (07777) that follow from those an entry has. */
  readonly apply: (mode: number, isDirectory: boolean) => number;
}

const SET_IDS = 0o6000;
const STICKY = 0o1000;
const ALL_BUT_STICKY = 0o6777;

const WHO: Readonly<Record<string, number>> = { a: ALL_BUT_STICKY, u: 0o4700, g: 0o2070, o: 0o007 };
const PERMISSIONS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };
/** How far the three bits of a class stand from those of `o`. */
const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

type Operator = "+" | "-" | "=";

/** One step of a change: the mode so far and the mode before the change lead to the next mode. */
type Step = (mode: number, before: { readonly mode: number; readonly isDirectory: boolean }) => number;

/**
 * Parses a mode.
 *
 * @throws {KilnError} kind `dockerfile`, if it is neither form.
 */
export function parseMode(text: string): Mode {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const octal = Number.parseInt(text, 8);
    return { octal, apply: () => octal };
  }
  if (/^[0-9]/.test(text)) throw badMode(text, "it is not an octal number from 0 to 07777");
  const steps = new ClauseReader(text).read();
  return {
    apply: (mode, isDirectory) => {
      const before = { mode: mode & 0o7777, isDirectory };
      return steps.reduce((now, step) => step(now, before), before.mode);
    },
  };
}

class ClauseReader {
  readonly #text: string;
  readonly #steps: Step[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly Step[] {
    do {
      let who = 0;
      for (let bits = WHO[this.#peek()]; bits !== undefined; bits = WHO[this.#peek()]) {
        who |= bits;
        this.#at++;
      }
      do {
        this.#readAction(who);
      } while (this.#at < this.#text.length && this.#peek() !== ",");
    } while (this.#take(","));
    return this.#steps;
  }

  /** One operator and the permissions behind it. */
  #readAction(who: number): void {
    const operator = this.#peek();
    if (operator !== "+" && operator !== "-" && operator !== "=") {
      const state = operator === "" ? "it ends where an operator is missing" : `"${operator}" is not an operator`;
      throw badMode(this.#text, state, "write an octal mode such as 0755, or clauses such as u=rwX,go=rX");
    }
    this.#at++;
    let affected = who;
    let bits = 0;
    let conditional = 0;
    let assigned = false;
    const flush = (): void => {
      if (bits !== 0) this.#steps.push(change(operator, affected, bits));
      if (conditional !== 0) this.#steps.push(changeIfExecutable(affected, conditional));
      assigned ||= bits !== 0;
      [bits, conditional] = [0, 0];
    };
    for (let char = this.#peek(); char !== ""; char = this.#peek()) {
      const permission = PERMISSIONS[char];
      const shift = SHIFTS[char];
      // "Others" alone have neither set-id nor sticky bit.
      const special = affected === 0 || (affected & ~0o007) !== 0;
      if (permission !== undefined) bits |= permission;
      else if (char === "X" && operator === "-") bits |= 0o111;
      else if (char === "X") conditional |= 0o111;
      else if (char === "s") bits |= special ? SET_IDS : 0;
      else if (char === "t") {
        if (special) [affected, bits] = [affected | STICKY, bits | STICKY];
      } else if (shift !== undefined) {
        flush();
        this.#steps.push(copyClass(operator, affected, shift));
        // It is an assignment of its own, which leaves set-id bits alone.
        assigned = true;
      } else break;
      this.#at++;
    }
    // "=" with nothing behind it takes everything away.
    if (operator === "=" && !assigned && bits === 0) this.#steps.push(change(operator, affected, 0));
    flush();
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }
}

function change(operator: Operator, who: number, bits: number): Step {
  const affected = who === 0 ? bits : who & bits;
  const cleared = who === 0 ? ALL_BUT_STICKY : who;
  if (operator === "+") return (mode) => mode | affected;
  if (operator === "-") return (mode) => mode & ~affected;
  return (mode) => (mode & ~cleared) | affected;
}

function changeIfExecutable(who: number, bits: number): Step {
  const affected = who === 0 ? bits : who & bits;
  return (mode, before) => before.isDirectory || (before.mode & 0o111) !== 0 ? mode | affected : mode;
}

/** Adds, removes or assigns the three bits of a class to the classes affected. */
function copyClass(operator: Operator, who: number, shift: number): Step {
  const classes = Object.values(SHIFTS).filter((target) => who === 0 || (who & (0o4 << target)) !== 0);
  return (mode) => {
    const bits = (mode >> shift) & 0o7;
    return classes.reduce((now, target) => {
      if (operator === "+") return now | (bits << target);
      if (operator === "-") return now & ~(bits << target);
      return (now & ~(0o7 << target)) | (bits << target);
    }, mode);
  };
}

function badMode(text: string, state: string, hint?: string): KilnError {
  return new KilnError("dockerfile", `Cannot use the mode "${text}": ${state}`, hint === undefined ? {} : { hint });
}
