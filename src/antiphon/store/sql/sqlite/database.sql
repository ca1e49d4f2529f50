-- name: foreign_tables
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' LIMIT 1;

-- name: has_migrations
SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations';

-- name: create_migrations
CREATE TABLE migrations (version INTEGER PRIMARY KEY, hash TEXT NOT NULL, applied_at REAL NOT NULL) STRICT;

-- name: applied_migrations
SELECT version, hash FROM migrations ORDER BY version;

-- name: record_migration
INSERT INTO migrations (version, hash, applied_at) VALUES (:version, :hash, :now);

-- name: last_numbers
SELECT
    (SELECT coalesce(max(rid), 0) FROM responses),
    (SELECT coalesce(max(iid), 0) FROM items);

-- name: used_bytes
SELECT (pages.page_count - free.freelist_count) * size.page_size + usage.blob_bytes
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size, usage;
