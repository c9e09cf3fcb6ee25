/**
 * All checks: the one table of rules. The names are BuildKit's.
 *
 * @module
 */
import { CONSISTENT_INSTRUCTION_CASING } from "./consistent_instruction_casing.ts";
import { COPY_IGNORED_FILE } from "./copy_ignored_file.ts";
import { DUPLICATE_STAGE_NAME } from "./duplicate_stage_name.ts";
import { EXPOSE_INVALID_FORMAT } from "./expose_invalid_format.ts";
import { EXPOSE_PROTO_CASING } from "./expose_proto_casing.ts";
import { FROM_AS_CASING } from "./from_as_casing.ts";
import { FROM_PLATFORM_FLAG_CONST_DISALLOWED } from "./from_platform_flag_const_disallowed.ts";
import { INVALID_BASE_IMAGE_PLATFORM } from "./invalid_base_image_platform.ts";
import { INVALID_DEFAULT_ARG_IN_FROM } from "./invalid_default_arg_in_from.ts";
import { INVALID_DEFINITION_DESCRIPTION } from "./invalid_definition_description.ts";
import { JSON_ARGS_RECOMMENDED } from "./json_args_recommended.ts";
import { LEGACY_KEY_VALUE_FORMAT } from "./legacy_key_value_format.ts";
import { MAINTAINER_DEPRECATED } from "./maintainer_deprecated.ts";
import { MULTIPLE_INSTRUCTIONS_DISALLOWED } from "./multiple_instructions_disallowed.ts";
import { NO_EMPTY_CONTINUATION } from "./no_empty_continuation.ts";
import { REDUNDANT_TARGET_PLATFORM } from "./redundant_target_platform.ts";
import { RESERVED_STAGE_NAME } from "./reserved_stage_name.ts";
import type { Rule } from "./rule.ts";
import { SECRETS_USED_IN_ARG_OR_ENV } from "./secrets_used_in_arg_or_env.ts";
import { STAGE_NAME_CASING } from "./stage_name_casing.ts";
import { UNDEFINED_ARG_IN_FROM } from "./undefined_arg_in_from.ts";
import { UNDEFINED_VAR } from "./undefined_var.ts";
import { WORKDIR_RELATIVE_PATH } from "./workdir_relative_path.ts";

/** The 22 rules. Where several fire at one place, they are told in this order. */
export const RULES: readonly Rule[] = [
  NO_EMPTY_CONTINUATION,
  MAINTAINER_DEPRECATED,
  STAGE_NAME_CASING,
  FROM_AS_CASING,
  INVALID_DEFINITION_DESCRIPTION,
  RESERVED_STAGE_NAME,
  DUPLICATE_STAGE_NAME,
  CONSISTENT_INSTRUCTION_CASING,
  INVALID_DEFAULT_ARG_IN_FROM,
  UNDEFINED_ARG_IN_FROM,
  REDUNDANT_TARGET_PLATFORM,
  FROM_PLATFORM_FLAG_CONST_DISALLOWED,
  INVALID_BASE_IMAGE_PLATFORM,
  UNDEFINED_VAR,
  LEGACY_KEY_VALUE_FORMAT,
  SECRETS_USED_IN_ARG_OR_ENV,
  COPY_IGNORED_FILE,
  WORKDIR_RELATIVE_PATH,
  MULTIPLE_INSTRUCTIONS_DISALLOWED,
  JSON_ARGS_RECOMMENDED,
  EXPOSE_PROTO_CASING,
  EXPOSE_INVALID_FORMAT,
];

const BY_NAME: ReadonlyMap<string, Rule> = new Map(RULES.map((rule) => [rule.name, rule]));

/** Returns the rule of that name. */
export function ruleOf(name: string): Rule {
  const rule = BY_NAME.get(name);
  if (rule === undefined) throw new Error(`Unreachable: there is no rule "${name}"`);
  return rule;
}
