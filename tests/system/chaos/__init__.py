"""Workers, provider, PostgreSQL and people at their worst, and what it does to the books."""
