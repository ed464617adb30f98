/** The kinds of Kubernetes itself that the chart makes, in whatever values. */
export const chartKinds = [
  'v1/ConfigMap',
  'v1/Pod',
  'v1/Secret',
  'v1/Service',
  'v1/ServiceAccount',
  'apiextensions.k8s.io/v1/CustomResourceDefinition',
  'apps/v1/Deployment',
  'apps/v1/StatefulSet',
  'autoscaling/v2/HorizontalPodAutoscaler',
  'batch/v1/Job',
  'networking.k8s.io/v1/Ingress',
  'networking.k8s.io/v1/NetworkPolicy',
  'policy/v1/PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1/ClusterRole',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding',
  'rbac.authorization.k8s.io/v1/Role',
  'rbac.authorization.k8s.io/v1/RoleBinding',
] as const;

/** Kinds of others, whose definitions are theirs: not judged by schema. */
export const foreignKinds = ['HTTPRoute', 'PodMonitor', 'PrometheusRule', 'ScaledObject', 'ServiceMonitor'] as const;
