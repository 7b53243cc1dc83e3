// The chaos run at full length: CHAOS_SECONDS and SEED may be set.
process.env.CHAOS_SECONDS ??= "600";
process.argv.push("--selectProjects", "integration", "--", "test/integration/chaos.test.ts");
await import("./jest.js");
