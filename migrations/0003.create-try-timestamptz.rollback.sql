-- nothing else depends on it in the database: dbt's models call it at run time

drop function if exists media_pipeline.try_timestamptz(text, text);
