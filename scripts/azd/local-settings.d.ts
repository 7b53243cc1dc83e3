interface LocalSettings {
  readonly IsEncrypted: boolean;
  readonly Values: Readonly<Record<string, string>>;
}
export declare function localSettings(
  example: LocalSettings,
  environment: Readonly<Record<string, string | undefined>>,
): LocalSettings;
