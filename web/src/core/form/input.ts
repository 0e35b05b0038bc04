// An installer's inputs as GET /api/installers/{id} gives them (docs/contract.md, "Inputs").

export type InputType =
  | 'string'
  | 'text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'password'
  | 'select'
  | 'multiselect'
  | 'email'
  | 'port'
  | 'hostname'
  | 'ip'
  | 'url'
  | 'path';

/** A bigint only where a whole number is beyond what a double tells apart. */
export type Value = string | number | bigint | boolean | string[];
export type Values = Record<string, Value>;

export interface AllowedValue {
  value: Value;
  label?: string;
}

export interface Validation {
  pattern?: string;
  pattern_error?: string;
  min_length?: number;
  max_length?: number;
  min_value?: number | bigint;
  max_value?: number | bigint;
  allowed_values?: AllowedValue[];
}

export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | Record<string, Value | Value[]>;

export interface Input {
  name: string;
  type: InputType;
  label: string;
  description?: string;
  required?: boolean;
  default?: Value;
  placeholder?: string;
  group?: string;
  validation?: Validation;
  visible_if?: Condition;
  sensitive?: boolean;
  generate?: boolean;
}

export interface InputError {
  field: string;
  rule: string;
  message: string;
}

export const isSensitive = (input: Input) => input.type === 'password' || input.sensitive === true;
