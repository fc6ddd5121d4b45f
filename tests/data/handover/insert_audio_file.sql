-- Required params: :url, :url_sha1
-- Optional params shown with COALESCE or passed NULL
INSERT INTO media_pipeline.audio_files (
  phone, campaign_name, recording_id,
  url, url_sha1, content_sha256,
  started, stopped, duration_seconds, index_in_phone,
  b2_object_key, local_path, file_size_bytes,
  source_table, source_row_id
) VALUES (
  :phone, :campaign_name, :recording_id,
  :url, :url_sha1, :content_sha256,
  :started, :stopped, :duration_seconds, :index_in_phone,
  :b2_object_key, :local_path, :file_size_bytes,
  :source_table, :source_row_id
)
ON CONFLICT (url_sha1) DO NOTHING
RETURNING id;
