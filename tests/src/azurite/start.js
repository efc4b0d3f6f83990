// Runs a script until standard input closes, which happens when the process that started it ends, however.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
require(process.argv[1]);
