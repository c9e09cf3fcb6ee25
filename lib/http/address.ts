/**
 * How near to us an IP address is: what keeps a registry from sending us to machines only we can reach.
 *
 * Sources: the IANA special-purpose registries, https://www.iana.org/assignments/iana-ipv4-special-registry and
 * https://www.iana.org/assignments/iana-ipv6-special-registry.
 *
 * @module
 */
import { isIP } from "node:net";

/**
 * Where an address lies. `special` is everything no registry lives at: link-local addresses (cloud metadata services),
 * the unspecified address (Linux connects it to loopback), multicast and reserved ranges.
 */
export type Locality = "public" | "private" | "loopback" | "special";

/** Returns the locality of an IP address, or undefined if `address` is not one. Brackets around IPv6 are accepted. */
export function localityOf(address: string): Locality | undefined {
  const bare = address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
  const zone = bare.indexOf("%");
  const ip = zone < 0 ? bare : bare.slice(0, zone);
  switch (isIP(ip)) {
    case 4:
      return localityOfV4(ip.split(".").map(Number));
    case 6:
      return localityOfV6(groupsOf(ip));
    default:
      return undefined;
  }
}

/** Returns the locality of a URL's host name: of the address it is, loopback for `localhost`, else undefined. */
export function localityOfHost(hostname: string): Locality | undefined {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") ? "loopback" : localityOf(name);
}

/** First and second octet decide nearly everything; missing octets cannot occur after `isIP`. */
function localityOfV4([a = 0, b = 0, c = 0]: readonly number[]): Locality {
  if (a === 127) return "loopback";
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
  if (a === 100 && b >= 64 && b < 128) return "private"; // carrier-grade NAT, and some clouds' pod networks
  if (a === 198 && (b === 18 || b === 19)) return "private"; // benchmarking; used by VPNs and service meshes
  if (a === 0 || a >= 224 || (a === 169 && b === 254) || (a === 192 && b === 0 && c === 0)) return "special";
  return "public";
}

function localityOfV6(groups: readonly number[]): Locality {
  const [first = 0, second = 0] = groups;
  const v4At = (at: number) => {
    const [high = 0, low = 0] = groups.slice(at, at + 2);
    return localityOfV4([high >> 8, high & 255, low >> 8, low & 255]);
  };
  if (groups.slice(0, 7).every((group) => group === 0)) {
    if (groups[7] === 1) return "loopback";
    if (groups[7] === 0) return "special";
  }
  const zeros = groups.slice(0, 5).every((group) => group === 0);
  // Mapped (::ffff:a.b.c.d), compatible (::a.b.c.d), NAT64 (64:ff9b::/96) and 6to4 (2002::/16) lead to an IPv4 address.
  if (zeros && (groups[5] === 0xffff || groups[5] === 0)) return v4At(6);
  if (first === 0x64 && second === 0xff9b) return v4At(6);
  if (first === 0x2002) return v4At(1);
  if ((first & 0xfe00) === 0xfc00) return "private";
  if ((first & 0xe000) === 0x2000) return "public";
  return "special";
}

/** Expands a valid IPv6 address to its eight 16-bit groups. */
function groupsOf(ip: string): readonly number[] {
  const [head = "", tail] = ip.split("::");
  const parse = (text: string) =>
    text === "" ? [] : text.split(":").flatMap((group) => {
      if (!group.includes(".")) return [parseInt(group, 16)];
      const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
      return [(a << 8) | b, (c << 8) | d];
    });
  const before = parse(head);
  if (tail === undefined) return before;
  const after = parse(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
