-- List the campaigns that the catalogue has files of. One row per campaign.
select distinct audio_files.campaign_name
from media_pipeline.audio_files
where audio_files.campaign_name is not null
order by audio_files.campaign_name
