/**
 * The validator of the CycloneDX project, which checks a document against the published schema, nothing unknown allowed.
 *
 * @module
 */
// What the validator looks for when it is used.
import "npm:ajv@8.17.1";
import "npm:ajv-formats@3.0.1";
import "npm:ajv-formats-draft2019@1.6.1";
import * as specification from "npm:@cyclonedx/cyclonedx-library@10.3.0/Spec";
import * as validation from "npm:@cyclonedx/cyclonedx-library@10.3.0/Validation";

/** Returns what is wrong with a CycloneDX 1.6 document in JSON; nothing when it is valid. */
export async function cycloneDxFaults(text: string): Promise<readonly unknown[]> {
  const validator = new validation.JsonStrictValidator(specification.Version.v1dot6);
  const faults = await validator.validate(text);
  if (faults === null) return [];
  return Array.isArray(faults) ? faults : [faults];
}
