/**
 * Go durations: `1h30m`, `1.5s`, `100ms`. HEALTHCHECK takes them and images store them, in nanoseconds.
 *
 * @module
 */

const UNITS: Readonly<Record<string, bigint>> = {
  "ns": 1n,
  "us": 1_000n,
  "µs": 1_000n,
  "μs": 1_000n,
  "ms": 1_000_000n,
  "s": 1_000_000_000n,
  "m": 60_000_000_000n,
  "h": 3_600_000_000_000n,
};

const PART = /([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/y;

const LARGEST = 2n ** 63n - 1n;

/**
 * Reads a duration as nanoseconds; undefined for text that Go's time.ParseDuration refuses. Durations of more than 104
 * days are exact to some nanoseconds only, the price of a JavaScript number.
 */
export function parseDuration(text: string): number | undefined {
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return 0;
  let sum = 0n;
  PART.lastIndex = 0;
  do {
    const start = PART.lastIndex;
    const found = PART.exec(unsigned);
    const [, whole = "", fraction = "", unit = ""] = found ?? [];
    const scale = UNITS[unit];
    if (found === null || scale === undefined || whole + fraction === "" || found.index !== start) return undefined;
    // More digits than 64 bits hold are an error; digits of a fraction below a nanosecond are dropped.
    if (whole.replace(/^0+/, "").length > 19) return undefined;
    const digits = fraction.slice(0, 18);
    sum += BigInt(whole || "0") * scale + BigInt(digits || "0") * scale / 10n ** BigInt(digits.length);
    if (sum > LARGEST) return undefined;
  } while (PART.lastIndex < unsigned.length);
  return Number(text.startsWith("-") ? -sum : sum);
}

/** Returns a duration as Go prints it: `1m30s`, `1.5s`, `100ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  const sign = nanoseconds < 0 ? "-" : "";
  const total = BigInt(Math.abs(nanoseconds));
  if (total === 0n) return "0s";
  if (total < 1_000n) return `${sign}${total}ns`;
  if (total < 1_000_000n) return `${sign}${decimal(total, 1_000n)}µs`;
  if (total < 1_000_000_000n) return `${sign}${decimal(total, 1_000_000n)}ms`;
  const seconds = total / 1_000_000_000n;
  const shown = `${decimal(total % 60_000_000_000n, 1_000_000_000n)}s`;
  if (seconds < 60n) return sign + shown;
  const minutes = seconds / 60n;
  return minutes < 60n ? `${sign}${minutes}m${shown}` : `${sign}${minutes / 60n}h${minutes % 60n}m${shown}`;
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit + unit).toString().slice(1).replace(/0+$/, "");
  return `${value / unit}${fraction === "" ? "" : `.${fraction}`}`;
}
