-- Optional: CREATE EXTENSION pgcrypto;  -- if you want to hash in SQL

WITH src AS (
  SELECT
    -- normalized phone
    regexp_replace(trim(c."$phone"), '[^0-9+]', '', 'g') AS phone,
    'outbound campaigns' AS campaign_name,
    -- prefer PR_<uuid> from URL; fallback to NULL
    COALESCE((regexp_match(r.location, '/(PR_[^./]+)'))[1], NULL) AS recording_id,
    r.location AS url,
    encode(digest(r.location,'sha1'),'hex') AS url_sha1,   -- or pass precomputed
    r.started::timestamptz AS started,
    r.stopped::timestamptz AS stopped,
    NULL::double precision AS duration_seconds,            -- fill later if desired
    NULL::integer AS index_in_phone,
    NULL::text AS b2_object_key,
    NULL::text AS local_path,
    NULL::bigint AS file_size_bytes,
    'public.recordings' AS source_table,
    r.id AS source_row_id
  FROM public.recordings r
  JOIN public.contacts   c ON r.contact_id = c."$id"
  WHERE c."$phone" IS NOT NULL
    AND c."$campaign_id" IN (
      'CAMPAIGN1','CAMPAIGN2','CAMPAIGN3','CAMPAIGN4',
      'CAMPAIGN5','CAMPAIGN6','CAMPAIGN7','CAMPAIGN8'
    )
)
INSERT INTO media_pipeline.audio_files (
  phone, campaign_name, recording_id, url, url_sha1,
  content_sha256, started, stopped, duration_seconds, index_in_phone,
  b2_object_key, local_path, file_size_bytes, source_table, source_row_id
)
SELECT
  phone, campaign_name, recording_id, url, url_sha1,
  NULL, started, stopped, duration_seconds, index_in_phone,
  b2_object_key, local_path, file_size_bytes, source_table, source_row_id
FROM src
ON CONFLICT (url_sha1) DO NOTHING;

-- (optional) compute duration after backfill
UPDATE media_pipeline.audio_files
SET duration_seconds = EXTRACT(EPOCH FROM (stopped - started))
WHERE duration_seconds IS NULL AND started IS NOT NULL AND stopped IS NOT NULL;

-- (optional) assign index_in_phone per phone chronologically
WITH ordered AS (
  SELECT id,
         row_number() OVER (PARTITION BY phone ORDER BY started NULLS LAST) AS rn
  FROM media_pipeline.audio_files
)
UPDATE media_pipeline.audio_files a
SET index_in_phone = o.rn
FROM ordered o
WHERE a.id = o.id;
