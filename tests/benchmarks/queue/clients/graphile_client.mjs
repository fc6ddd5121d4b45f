// graphile-worker keeps a local queue of BATCH fetched jobs, and completes jobs in batches.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BENCH_PEERS}/package.json`);
const { makeWorkerUtils, run, Logger } = require("graphile-worker");
const { Pool } = require("pg");

const [jobs, concurrentJobs, size] = process.argv.slice(2).map(Number);
const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE, BENCH_STORE } = process.env;
const connectionString =
  `postgres://${PGUSER}:${PGPASSWORD}@${PGHOST}:${PGPORT}/${PGDATABASE}`;
const pgPool = new Pool({ connectionString, max: concurrentJobs + 4 });
pgPool.on("error", () => {});
pgPool.on("connect", (client) => client.on("error", () => {}));
const logger = new Logger(() => () => {});

const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();
await utils.release();
await pgPool.query(
  `select count(*) from graphile_worker.add_jobs(
     (select array_agg(json_populate_record(
        null::graphile_worker.job_spec, '{"identifier": "nothing"}'))
      from generate_series(1, $1::integer)))`,
  [jobs],
);
await pgPool.query("vacuum analyze");
await pgPool.query("checkpoint");

let done = 0;
let finish;
const finished = new Promise((resolve) => { finish = resolve; });
const nothing = async () => {
  if (BENCH_STORE) await pgPool.query(BENCH_STORE);
  if (++done === jobs) finish();
};
const areAnyLeft = async () => {
  const { rows } = await pgPool.query(
    "select exists (select from graphile_worker._private_jobs) as are_any_left",
  );
  return rows[0].are_any_left;
};

console.log("begin");
const began = performance.now();
const cpu = process.cpuUsage();
const runner = await run({
  pgPool,
  logger,
  noHandleSignals: true,
  taskList: { nothing },
  preset: {
    worker: {
      concurrentJobs,
      localQueue: { size },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
});
await finished;
while (await areAnyLeft()); // The last completions are still on their way.
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ jobs: done, seconds, cpu: (user + system) / 1e6 }));
await new Promise((resolve) => process.stdin.on("end", resolve).resume());
await runner.stop();
await pgPool.end();
