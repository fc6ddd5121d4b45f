-- Try to be the only run that migrates this database. The key is "medi", "migr" in
-- ASCII. One row: whether it worked, and the server process that holds the lock.
select
    pg_try_advisory_lock(1835361385, 1835624306) as is_locked,
    (
        select pg_locks.pid
        from pg_locks
        inner join pg_database on pg_locks.database = pg_database.oid
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.classid = 1835361385
            and pg_locks.objid = 1835624306
            and pg_locks.objsubid = 2
            and pg_locks.granted
            and pg_database.datname = current_database()
    ) as holder
