/**
 * The signals of STOPSIGNAL.
 *
 * @module
 */

const NAMES: readonly string[] = [
  ..."ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM".split(
    " ",
  ),
  ..."TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX".split(" "),
  ...Array.from({ length: 15 }, (_, at) => `RTMIN+${at + 1}`),
  ...Array.from({ length: 14 }, (_, at) => `RTMAX-${at + 1}`),
];

/** The names, without `SIG`. */
export const SIGNAL_NAMES: ReadonlySet<string> = new Set(NAMES);

/** Tells whether a text names a signal: a name in any case, with or without `SIG`, or a positive number. */
export function isSignal(text: string): boolean {
  if (/^\+?[0-9]+$/.test(text)) return Number(text) > 0 && Number.isSafeInteger(Number(text));
  return SIGNAL_NAMES.has(text.toUpperCase().replace(/^SIG/, ""));
}
