"""One program for each queue: it fills its queue, drains it with no-op jobs, and says how fast.

    <client> JOBS CONCURRENCY BATCH

Each finds an empty database in PG*, prints `begin` when everything is filled, loaded and
connected, and `{"jobs": …, "seconds": …, "cpu": …}` when the last completion is committed; then
it waits for the end of stdin. Where BENCH_STORE holds a statement, each job runs it: our
completions store a transcript, the peers' users have to store theirs in one of their own.

The peers' clients run in an environment of the benchmark's own (see `tests.benchmarks.peers`).
"""
