-- name: list_keys
SELECT key_id, created_at, key FROM keys WHERE purpose = :purpose ORDER BY created_at DESC, key_id DESC;

-- name: add_key
INSERT INTO keys (purpose, key_id, created_at, key) VALUES (:purpose, :key_id, :created_at, :key);

-- name: drop_keys
DELETE FROM keys WHERE purpose = :purpose AND created_at < :before;
