/** An answer that is no verdict: the API server's failurePolicy decides. */
export class Refusal extends Error {
  readonly statusCode: number
  readonly reason: string
  constructor(statusCode: number, reason: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.reason = reason
  }
}
