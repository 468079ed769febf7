/** The part of JSON Schema that the configuration uses. */
export type Schema =
  | TextSchema
  | {
      readonly description: string
      readonly type: 'integer'
      readonly minimum: number
      readonly maximum: number
      readonly default?: number
    }
  | { readonly description: string; readonly type: 'boolean'; readonly default?: boolean }
  | ListSchema
  | ObjectSchema
  | MapSchema
  | TextOrObjectSchema

export interface TextSchema {
  readonly description: string
  readonly type: 'string'
  readonly enum?: readonly string[]
  /** A name for the words of `enum`, where they are many and explained elsewhere. */
  readonly title?: string
  /** With examples of what fits: errors show them. */
  readonly pattern?: string
  readonly examples?: readonly string[]
  readonly default?: string
}

export interface ListSchema {
  readonly description: string
  readonly type: 'array'
  readonly items: Schema
  readonly default?: readonly string[]
}

export interface ObjectSchema {
  readonly description: string
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Schema>>
  readonly additionalProperties: false
  readonly required?: readonly string[]
  /** Exactly one of these keys must be there. */
  readonly oneOf?: readonly { readonly required: readonly [string] }[]
  /** A name for an object that Kubernetes defines: its keys are not explained here. */
  readonly title?: string
}

/** Any keys, with values of one kind. */
export interface MapSchema {
  readonly description: string
  readonly type: 'object'
  readonly additionalProperties: Schema
}

/** A text, or an object for what a text cannot say. */
export interface TextOrObjectSchema {
  readonly description: string
  readonly anyOf: readonly [TextSchema, ObjectSchema]
}
