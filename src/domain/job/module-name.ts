/** What a module's job and a third party's executor may be called; at most 63 characters. Apart, for who must not load zod. */
export const moduleNamePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
export const moduleNameRule = "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
