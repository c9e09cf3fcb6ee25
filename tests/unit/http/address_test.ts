import assert from "node:assert/strict";
import { type Locality, localityOf, localityOfHost } from "../../../lib/http/address.ts";

const ADDRESSES: readonly (readonly [string, Locality | undefined])[] = [
  ["8.8.8.8", "public"],
  ["127.0.0.1", "loopback"],
  ["127.255.0.3", "loopback"],
  ["10.0.0.1", "private"],
  ["172.15.255.255", "public"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.1", "public"],
  ["192.168.4.5", "private"],
  ["100.64.0.1", "private"],
  ["100.128.0.1", "public"],
  ["198.18.0.1", "private"],
  ["169.254.169.254", "special"],
  ["0.0.0.0", "special"],
  ["0.1.2.3", "special"],
  ["192.0.0.8", "special"],
  ["224.0.0.1", "special"],
  ["255.255.255.255", "special"],
  ["::1", "loopback"],
  ["::", "special"],
  ["[::1]", "loopback"],
  ["2606:4700::1111", "public"],
  ["fd12:3456::1", "private"],
  ["fe80::1", "special"],
  ["fe80::1%eth0", "special"],
  ["ff02::1", "special"],
  ["::ffff:10.0.0.1", "private"],
  ["::ffff:a00:1", "private"],
  ["::ffff:8.8.8.8", "public"],
  ["::127.0.0.1", "loopback"],
  ["64:ff9b::a9fe:a9fe", "special"],
  ["2002:a00:1::", "private"],
  ["2002:808:808::1", "public"],
  ["example.com", undefined],
  ["", undefined],
  ["1.2.3", undefined],
  ["1.2.3.4.5", undefined],
];

for (const [address, locality] of ADDRESSES) {
  Deno.test(`localityOf() calls "${address}" ${locality ?? "no address"}`, () => {
    assert.equal(localityOf(address), locality);
  });
}

Deno.test("localityOfHost() knows the names of loopback", () => {
  for (const name of ["localhost", "LOCALHOST", "localhost.", "registry.localhost"]) {
    assert.equal(localityOfHost(name), "loopback", name);
  }
  for (const name of ["localhost.evil", "notlocalhost", "example.com"]) {
    assert.equal(localityOfHost(name), undefined, name);
  }
});

Deno.test("localityOfHost() sees through every spelling of an address that a URL may have", () => {
  for (const url of ["http://0x7f000001/", "http://2130706433/", "http://127.1/", "http://0177.0.0.1/"]) {
    assert.equal(localityOfHost(new URL(url).hostname), "loopback", url);
  }
});
