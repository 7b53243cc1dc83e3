// The fuzz tests at full length, for the night: FUZZ_REQUESTS and SEED may be set.
process.env.FUZZ_REQUESTS ??= "10000";
process.argv.push("--selectProjects", "integration", "--", "test/integration/fuzz.test.ts");
await import("./jest.js");
