import assert from "node:assert/strict";
import { parsePorts, type PortForm, splitPort } from "../../../../lib/dockerfile/values/port.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const PORTS: readonly Row<string, readonly string[]>[] = [
  ["3.10/1", "a port is tcp", "80", ["80/tcp"]],
  ["3.10/1", "udp", "53/udp", ["53/udp"]],
  ["3.10/1", "sctp", "1/sctp", ["1/sctp"]],
  ["3.10/1", "protocols are stored in lower case", "80/TCP", ["80/tcp"]],
  ["3.10/1", "an empty protocol is tcp", "80/", ["80/tcp"]],
  ["3.10/1", "a range", "8000-8002", ["8000/tcp", "8001/tcp", "8002/tcp"]],
  ["3.10/1", "a range with protocol", "1-2/udp", ["1/udp", "2/udp"]],
  ["3.10/1", "a range of one", "80-80", ["80/tcp"]],
  ["3.10/1", "the lowest port", "0", ["0/tcp"]],
  ["3.10/1", "the highest port", "65535", ["65535/tcp"]],
  ["3.10/1", "zeros in front go", "0080", ["80/tcp"]],
  ["3.10/1", "a host port is dropped", "8080:80", ["80/tcp"]],
  ["3.10/1", "an address is dropped", "127.0.0.1:8080:80", ["80/tcp"]],
  ["3.10/1", "an address without host port", "127.0.0.1::80", ["80/tcp"]],
  ["3.10/1", "an IPv6 address in brackets", "[::1]:8080:80/udp", ["80/udp"]],
  ["3.10/1", "an IPv6 address without brackets", "::1:8080:80", ["80/tcp"]],
  ["3.10/1", "a mapped IPv4 address", "[::ffff:1.2.3.4]:1:2", ["2/tcp"]],
  ["3.10/1", "an empty host port", ":80", ["80/tcp"]],
  ["3.10/1", "ranges of one length", "1-2:3-4", ["3/tcp", "4/tcp"]],
  ["3.10/1", "a range of host ports for one port", "1-5:80", ["80/tcp"]],
  ["3.10/1", "ranges of different length", "1-3:80-81", /the ranges of host and container ports differ in length/],
  ["3.10/1", "one host port for a range", "1:80-81", /differ in length/],
  ["3.10/1", "too large", "65536", /"65536" is not a number from 0 to 65535/],
  ["3.10/1", "a negative one", "-1", /a port is missing/],
  ["3.10/1", "a name", "http", /"http" is not a number/],
  ["3.10/1", "a range that goes down", "3-1", /the range "3-1" ends before it starts/],
  ["3.10/1", "a range without end", "80-", /a port is missing/],
  ["3.10/1", "a range of three", "1-2-3", /"2-3" is not a number/],
  ["3.10/1", "an unknown protocol", "80/icmp", /"icmp" is not a protocol \(protocols are tcp, udp and sctp\)/],
  ["3.10/1", "two protocols", "80/tcp/udp", /"tcp\/udp" is not a protocol/],
  ["3.10/1", "a protocol without port", "/tcp", /the port is missing/],
  ["3.10/1", "nothing", "", /the port is missing/],
  ["3.10/1", "an address without port", "127.0.0.1:80:", /the port is missing/],
  ["3.10/1", "a bad address", "1.2.3:80:80", /"1.2.3" is not an IP address/],
  ["3.10/1", "an address with zone", "[fe80::1%eth0]:1:2", /is not an IP address/],
  ["3.10/1", "a bracket that is not closed", "[::1:1:2", /"\[::1" is not an IP address/],
  ["3.10/1", "a bad host port", "x:80", /"x" is not a number/],
  ["3.10/1", "JSON", '["80"]', /"\["80"\]" is not a number/],
];

testRows("parsePorts()", PORTS, (word) => parsePorts(word));

const FORMS: readonly Row<string, PortForm>[] = [
  ["3.10/1", "a plain port", "80", { ip: "", host: "", ports: "80", protocol: "tcp" }],
  ["3.10/1", "a protocol as written", "80-82/Udp", { ip: "", host: "", ports: "80-82", protocol: "Udp" }],
  ["3.10/1", "a host port", "8080:80", { ip: "", host: "8080", ports: "80", protocol: "tcp" }],
  ["3.10/1", "an address", "[::1]::80", { ip: "[::1]", host: "", ports: "80", protocol: "tcp" }],
  ["3.10/1", "numbers are not looked at", "x:y", { ip: "", host: "x", ports: "y", protocol: "tcp" }],
  ["3.10/1", "a bad protocol", "80/http", /"http" is not a protocol/],
];

testRows("splitPort()", FORMS, splitPort);

Deno.test("parsePorts() [3.10/1] expands the whole range", () => {
  assert.equal(parsePorts("0-65535").length, 65_536);
});
