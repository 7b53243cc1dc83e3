// npm run kills -- [count]: the random test of the Service Bus stand-in with many kills (1,000 when nothing is said). SEED repeats one.
process.env.KILLS = process.argv[2] ?? "1000";
process.argv.splice(2, Infinity, "--selectProjects", "conformance", "--", "test/conformance/service-bus-model");
await import("./jest.js");
