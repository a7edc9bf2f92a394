// The way in: what `npm start` shows.
console.error('assay: the demonstration is not built yet');
process.exitCode = 1;
