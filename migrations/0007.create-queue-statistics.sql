-- what the planner must know of the queue that its indexes do not tell
-- depends: 0006.create-claimable-files

-- An analyze of a partial index does not say how many rows a campaign has: the planner
-- would take any for 0.5 % of the queue, and sort all of a large one to claim 50.
create statistics if not exists media_pipeline.st_transcriptions_queue_campaign
on (metadata #>> '{queue,campaign}')
from media_pipeline.transcriptions;
