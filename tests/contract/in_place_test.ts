/**
 * Stages whose commands run in a container's own root keep the contract.
 *
 * @module
 */
import { enterPrivateMounts } from "../support/private_mounts.ts";
import { testRootFs } from "./rootfs_contract.ts";

enterPrivateMounts();
testRootFs("in-place");
