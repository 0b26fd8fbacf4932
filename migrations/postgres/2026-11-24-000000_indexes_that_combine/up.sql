-- PostgreSQL never combines two indexes that both say `WHERE deleted_at IS NULL` (choose_bitmap_and in its indxpath.c
-- takes the second one for redundant). Without that condition, these join with those of the filters.
DROP INDEX organisations_search;
CREATE INDEX organisations_search ON organisations USING gin (search_text gin_trgm_ops);
DROP INDEX people_search;
CREATE INDEX people_search ON people USING gin (search_text gin_trgm_ops);
DROP INDEX organisations_tags;
CREATE INDEX organisations_tags ON organisations USING gin (tags);
DROP INDEX organisations_strategies;
CREATE INDEX organisations_strategies ON organisations USING gin (strategies);
DROP INDEX people_tags;
CREATE INDEX people_tags ON people USING gin (tags);

-- Names whose words begin with what a search asks for.
CREATE INDEX organisations_name_words ON organisations USING gin ((' ' || name_key) gin_trgm_ops);
CREATE INDEX people_name_words ON people USING gin ((' ' || full_name_key) gin_trgm_ops);
