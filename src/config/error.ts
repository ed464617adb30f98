/** A configuration that cannot be used: one line that names the setting, where it came from, its value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
