-- Let the planner know the queue's expressions, of which nothing is known until an
-- analyze.
analyze media_pipeline.transcriptions
