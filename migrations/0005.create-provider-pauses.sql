-- providers that refuse every file until a person acts; every worker sees it and stops
-- depends: 0004.index-transcription-queue

create table if not exists media_pipeline.provider_pauses (
    provider text,
    reason text not null,
    paused_by text not null,
    paused_at timestamptz not null default now(),
    constraint provider_pauses_pkey primary key (provider)
);
