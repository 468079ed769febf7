/**
 * What the API server asks of an answer before it looks at it: VerifyAdmissionResponse of
 * k8s.io/apiserver pkg/admission/plugin/webhook/request/admissionreview.go (v0.37).
 *
 * @param sent the review that was sent
 * @returns why the answer is invalid, or undefined
 */
export function whyInvalid(
  sent: { readonly apiVersion: string; readonly request: { readonly uid: string } },
  mutating: boolean,
  answer: unknown,
): string | undefined {
  const { apiVersion, kind, response } = answer as Partial<Record<string, unknown>>
  if (typeof response !== 'object' || response === null) return 'the response is absent'
  const { uid, patch, patchType, allowed, status, warnings, auditAnnotations } = response as Partial<
    Record<string, unknown>
  >
  // Go decodes into typed fields: another type is an undecodable body.
  if (typeof allowed !== 'boolean') return 'allowed is no boolean'
  if (status !== undefined && typeof (status as { code?: unknown }).code !== 'number') return 'status.code is no number'
  if (warnings !== undefined && !(Array.isArray(warnings) && warnings.every((text) => typeof text === 'string')))
    return 'warnings are no texts'
  if (auditAnnotations !== undefined && !Object.values(auditAnnotations as object).every((v) => typeof v === 'string'))
    return 'audit annotations are no texts'
  const hasPatch = typeof patch === 'string' && patch.length > 0

  // The uid and the kind of a v1beta1 answer are not looked at.
  if (sent.apiVersion === 'admission.k8s.io/v1beta1') return undefined
  if (uid !== sent.request.uid) return `expected uid ${sent.request.uid}, got ${String(uid)}`
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview')
    return `expected a v1 AdmissionReview, got ${String(apiVersion)} ${String(kind)}`
  if (!mutating) return hasPatch || patchType !== undefined ? 'a validating webhook may not patch' : undefined
  if (hasPatch && patchType === undefined) return 'a patch without its type'
  if (!hasPatch && patchType !== undefined) return 'the type of a patch without the patch'
  if (patchType !== undefined && patchType !== 'JSONPatch') return 'patchType is not JSONPatch'
  return undefined
}
