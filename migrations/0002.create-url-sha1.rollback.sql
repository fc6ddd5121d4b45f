-- pgcrypto stays, because other programs may use it.

drop function if exists media_pipeline.url_sha1(text);
