"""One program for each queue, which fills the queue, drains it with no-op jobs, and times that.

    <client> JOBS CONCURRENCY BATCH

A client finds an empty database in PG*. It prints `begin` when its queue is full and its workers
are connected, and `{"jobs": …, "seconds": …, "cpu": …}` when the last completion is committed. Then
it waits for the end of stdin. If BENCH_STORE holds a statement, each job runs it: a completion of
ours stores the transcript, and users of the other queues have to store theirs with a statement of
their own.

The clients of the other queues run in an environment of their own (see `peers.py`).
"""
