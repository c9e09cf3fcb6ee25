import { isSignal } from "../../../../lib/dockerfile/values/signal.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const SIGNALS: readonly Row<string, boolean>[] = [
  ["3.11", "a name", "TERM", true],
  ["3.11", "a name with SIG", "SIGTERM", true],
  ["3.11", "lower case", "sigkill", true],
  ["3.11", "mixed case", "Hup", true],
  ["3.11", "a number", "9", true],
  ["3.11", "a large number", "200", true],
  ["3.11", "a real-time signal", "SIGRTMIN+3", true],
  ["3.11", "a real-time signal from the end", "RTMAX-14", true],
  ["3.11", "a real-time signal too far", "RTMIN+16", false],
  ["3.11", "zero", "0", false],
  ["3.11", "a negative number", "-9", false],
  ["3.11", "an unknown name", "SIGFOO", false],
  ["3.11", "SIG alone", "SIG", false],
  ["3.11", "nothing", "", false],
  ["3.11", "a name every object has", "constructor", false],
];

testRows("isSignal()", SIGNALS, isSignal);
