-- No view depends on the function: recording_issues calls it only when it is read.

drop function if exists media_pipeline.try_timestamptz(text, text);
