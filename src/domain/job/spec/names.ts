import { z } from 'zod';

/** Names and labels, as Kubernetes has them. */

export const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
export const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export const dnsLabelText = z
  .string()
  .max(63, 'must have at most 63 characters')
  .regex(dnsLabel, "must be lower-case letters, digits and '-', beginning and ending with a letter or digit");

export const namespaceName = dnsLabelText;

export const jobName = z
  .string()
  .max(128, 'must have at most 128 characters')
  .regex(
    dnsSubdomain,
    "must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
  );

export const environmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be letters, digits and '_', not beginning with a digit");

export const labels = z.record(
  z
    .string()
    .regex(labelKey, 'must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters'),
  z.string().regex(labelValue, 'must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."'),
);
