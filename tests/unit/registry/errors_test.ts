import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { describeFault, explain } from "../../../lib/registry/errors.ts";
import { type FaultFacts, TransportFault } from "../../../lib/http/transport_fault.ts";

const FAULTS: readonly (readonly [facts: Partial<FaultFacts>, message: string, expected: string, hint?: RegExp])[] = [
  [{ code: "ENOTFOUND" }, "getaddrinfo", 'the host name "reg.example" is not known (ENOTFOUND)'],
  [{ code: "EAI_AGAIN" }, "getaddrinfo", 'the host name "reg.example" is not known (EAI_AGAIN)'],
  [{ code: "ECONNREFUSED" }, "connect", '"reg.example" refuses the connection'],
  [{ code: "EHOSTUNREACH" }, "connect", '"reg.example" cannot be reached (EHOSTUNREACH)'],
  [{ code: "KILN_TIMEOUT" }, "no connection within 30 s", 'no connection within 30 s from "reg.example"'],
  [{ phase: "send", code: "EPIPE" }, "write", 'the connection to "reg.example" broke (EPIPE)'],
  [
    { phase: "tls", code: "CERT_HAS_EXPIRED" },
    "certificate has expired",
    'the certificate of "reg.example" is not accepted: certificate has expired',
    /SSL_CERT_FILE/,
  ],
  [
    { phase: "tls", code: "ERR_SSL_WRONG_VERSION_NUMBER" },
    "wrong version number",
    '"reg.example" does not speak TLS',
    /^if it is a plain http registry, use --insecure-registry=reg\.example:5000$/,
  ],
  [
    { phase: "tls", code: "CERT_NOT_YET_VALID" },
    "certificate is not yet valid",
    'the certificate of "reg.example" is not accepted: certificate is not yet valid',
    /^check the clock of this machine$/,
  ],
  [
    { phase: "proxy", host: "proxy:3128", code: "ECONNREFUSED" },
    "connect ECONNREFUSED",
    'the proxy "proxy:3128" cannot be used: connect ECONNREFUSED',
    /NO_PROXY/,
  ],
  [
    { code: "KILN_ADDRESS" },
    "it has a private address",
    'the registry sends us to "reg.example", but it has a private address',
  ],
  [
    { phase: "answer", code: "HPE_INVALID_CONSTANT" },
    "Parse Error",
    '"reg.example" does not answer in HTTP as it should (HPE_INVALID_CONSTANT)',
  ],
];

for (const [facts, message, expected, hint] of FAULTS) {
  Deno.test(`explain() puts ${facts.phase ?? "connect"} ${facts.code} into words`, () => {
    const fault = new TransportFault(message, { phase: "connect", host: "reg.example", code: "", ...facts });
    const error = explain(fault, { action: "pull it", registry: "reg.example:5000", tries: 1 });
    assert.ok(error instanceof KilnError && error.kind === "registry");
    assert.equal(error.message, `Cannot pull it: ${expected}`);
    if (hint === undefined) assert.equal(error.hint, undefined);
    else assert.match(error.hint ?? "", hint);
    assert.equal(describeFault(fault), expected);
  });
}

Deno.test("explain() says how often it was tried", () => {
  const fault = new TransportFault("", { phase: "connect", host: "reg.example", code: "ECONNREFUSED" });
  const error = explain(fault, { action: "pull it", registry: "reg.example", tries: 4 });
  assert.ok(error instanceof KilnError);
  assert.equal(error.message, 'Cannot pull it: "reg.example" refuses the connection (tried 4 times)');
});

Deno.test("explain() returns errors that are no faults as they are", () => {
  const error = new TypeError("a bug");
  assert.equal(explain(error, { action: "pull it", registry: "reg.example", tries: 1 }), error);
});
