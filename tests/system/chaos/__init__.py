"""A pipeline whose workers, provider and database break down, and an account of the results."""
