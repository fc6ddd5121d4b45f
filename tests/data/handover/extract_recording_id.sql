SELECT (regexp_match(:url, '/(PR_[^./]+)'))[1];  -- returns NULL if no match
