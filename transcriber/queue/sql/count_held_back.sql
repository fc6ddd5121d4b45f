-- Count the files that are not tried now. One row.
select
    count(*) filter (where held_back_files.next_try_at is null) as failed,
    count(held_back_files.next_try_at) as cooling_down
from media_pipeline.held_back_files
