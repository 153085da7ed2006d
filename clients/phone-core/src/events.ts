/** What the core tells a screen of its own accord, and what it wants of the owner. */
export type PhoneEvent =
  | { readonly kind: "changed" }
  | { readonly kind: "answered"; readonly commands: number }
  | { readonly kind: "stored"; readonly file: string }
  | { readonly kind: "file refused"; readonly file: string; readonly problem: string }
  | { readonly kind: "reconciled"; readonly complete: boolean; readonly sentAgain: number }
  | { readonly kind: "unreachable"; readonly waitMs: number }
  /** The phone's own storage failed, as `problem` names it; it is tried again. */
  | { readonly kind: "storage failed"; readonly problem: string }
  | { readonly kind: "refused"; readonly problem: string }
  | { readonly kind: "signed out" };

/** What is to be recorded again: the same `kind`, with `replaces`; `why` is a rejection code. */
export interface Retake {
  readonly orderId: string;
  readonly kind: string;
  readonly replaces: string;
  readonly why: string;
}
