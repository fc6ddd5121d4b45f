-- the catalogue, its transcripts, failures and claims; adopts tables that exist

-- one transaction creates table and index together, so there is no writer yet to wait
-- squawk-ignore-file require-concurrent-index-creation

-- asked first: `create schema if not exists` wants a privilege even where it exists
do $do$
begin
    if to_regnamespace('media_pipeline') is null then
        create schema media_pipeline;
    end if;
end
$do$;

create table if not exists media_pipeline.audio_files (
    id bigserial,
    phone text,
    campaign_name text,
    recording_id text,
    url text not null,
    url_sha1 text not null,
    content_sha256 text,
    started timestamptz,
    stopped timestamptz,
    duration_seconds double precision,
    index_in_phone integer,
    b2_object_key text,
    local_path text,
    file_size_bytes bigint,
    source_table text,
    source_row_id bigint,
    created_at timestamptz not null default now(),
    constraint audio_files_pkey primary key (id)
);

-- one row per PR_ id, where the source has one
create unique index if not exists uq_audio_files_recording_id
on media_pipeline.audio_files (recording_id)
where recording_id is not null;

-- one row per URL: the key that every insert conflicts on
create unique index if not exists uq_audio_files_url_sha1
on media_pipeline.audio_files (url_sha1);

-- a phone's calls
create index if not exists ix_audio_files_phone
on media_pipeline.audio_files (phone);

-- calls of a period
create index if not exists ix_audio_files_started
on media_pipeline.audio_files (started);

create table if not exists media_pipeline.transcriptions (
    id bigserial,
    audio_file_id bigint not null,
    provider text,
    model text,
    status text not null default 'completed',
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    transcript_text text,
    segments jsonb,
    diarization jsonb,
    metadata jsonb,
    raw_response jsonb,
    b2_transcript_key text,
    constraint transcriptions_pkey primary key (id),
    constraint transcriptions_audio_file_id_fkey foreign key (audio_file_id)
    references media_pipeline.audio_files (id) on delete cascade
);

-- deployments older than this column have the table without it
alter table media_pipeline.transcriptions
add column if not exists raw_response jsonb;

-- one transcript per file: the key that every upsert conflicts on
create unique index if not exists uq_transcriptions_audio_file_id
on media_pipeline.transcriptions (audio_file_id);

create table if not exists media_pipeline.transcription_failures (
    audio_file_id bigint,
    provider text,
    model text,
    status text,
    error_code integer,
    error text,
    attempts integer not null default 1,
    last_attempt_at timestamptz not null default now(),
    ignore_until timestamptz,
    constraint transcription_failures_pkey primary key (audio_file_id),
    constraint transcription_failures_audio_file_id_fkey foreign key (audio_file_id)
    references media_pipeline.audio_files (id) on delete cascade
);

create table if not exists media_pipeline.transcription_claims (
    audio_file_id bigint,
    claimed_by text not null,
    claimed_at timestamptz not null default now(),
    expires_at timestamptz,
    constraint transcription_claims_pkey primary key (audio_file_id),
    constraint transcription_claims_audio_file_id_fkey foreign key (audio_file_id)
    references media_pipeline.audio_files (id) on delete cascade
);

-- claims whose holder went away
create index if not exists ix_transcription_claims_expires
on media_pipeline.transcription_claims (expires_at);
