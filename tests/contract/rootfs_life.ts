export function testLife(..._: unknown[]): void {}
