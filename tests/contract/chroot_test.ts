/**
 * The chroot backend keeps the contract.
 *
 * @module
 */
import { enterPrivateMounts } from "../support/private_mounts.ts";
import { testRootFs } from "./rootfs_contract.ts";

enterPrivateMounts();
testRootFs("chroot");
