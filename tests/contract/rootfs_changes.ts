export function testChanges(_: unknown): void {}
