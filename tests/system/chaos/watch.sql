-- What the books are checked against: every write of a completed transcript, and every claim.
create schema chaos;

create table chaos.completions (
    audio_file_id bigint not null,
    worker text,
    written_at timestamptz not null default clock_timestamp()
);

create function chaos.note_completion() returns trigger language plpgsql as $$
begin
    insert into chaos.completions (audio_file_id, worker)
    values (new.audio_file_id, new.metadata ->> 'worker');
    return null;
end
$$;

create trigger note_completion
after insert or update on media_pipeline.transcriptions
for each row when (new.status = 'completed') execute function chaos.note_completion();

create table chaos.claims (
    audio_file_id bigint not null,
    worker text not null,
    claimed_at timestamptz not null default clock_timestamp()
);

create function chaos.note_claim() returns trigger language plpgsql as $$
begin
    insert into chaos.claims (audio_file_id, worker) values (new.audio_file_id, new.claimed_by);
    return null;
end
$$;

create trigger note_claim
after insert or update of claimed_at on media_pipeline.transcription_claims
for each row execute function chaos.note_claim();

-- While this table holds a SQLSTATE, PostgreSQL refuses every transcript with it.
create table chaos.refusals (sqlstate text not null);

create function chaos.refuse() returns trigger language plpgsql as $$
declare
    found_sqlstate text;
begin
    select refusals.sqlstate into found_sqlstate from chaos.refusals;
    if found then
        raise exception 'a storm' using errcode = found_sqlstate;
    end if;
    return new;
end
$$;

create trigger refuse
before insert or update on media_pipeline.transcriptions
for each row when (new.status = 'completed') execute function chaos.refuse();
