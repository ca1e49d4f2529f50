-- name: insert_item
INSERT INTO items (iid, tenant, id, rid, spilled, body) VALUES (?, ?, ?, ?, ?, ?);

-- name: load_items
-- The ranges are a JSON array of [first, last]; items come in the order of the ranges.
SELECT i.iid, i.spilled, i.body
FROM json_each(:spans) AS span CROSS JOIN items AS i
WHERE i.iid BETWEEN span.value ->> 0 AND span.value ->> 1
ORDER BY span.key, i.iid;

-- name: name_items
SELECT i.id, i.iid
FROM json_each(:spans) AS span CROSS JOIN items AS i
WHERE i.iid BETWEEN span.value ->> 0 AND span.value ->> 1
ORDER BY span.key, i.iid;

-- name: find_item
-- An item is found through a conversation that holds it, or through its response or one built on it.
SELECT i.iid
FROM items AS i
WHERE i.tenant = :tenant AND i.id = :id AND (
    EXISTS (
        SELECT 1 FROM conversation_items AS l CROSS JOIN conversations AS c ON c.cid = l.cid
        WHERE l.iid = i.iid AND l.removed IS NULL AND c.deleted_at IS NULL
    )
    OR EXISTS (
        WITH RECURSIVE users (rid) AS (
            VALUES (i.rid)
            UNION
            SELECT r.rid FROM users CROSS JOIN responses AS r ON r.parent = users.rid
        )
        SELECT 1 FROM users CROSS JOIN responses AS r ON r.rid = users.rid
        WHERE NOT r.hidden AND (r.gone_at IS NULL OR r.gone_at > :now)
    )
)
ORDER BY i.iid DESC
LIMIT 1;

-- name: item_blobs
SELECT l.path, b.hash, b.size FROM item_blobs AS l CROSS JOIN blobs AS b ON b.hash = l.hash WHERE iid = :iid;

-- name: add_blob
INSERT INTO blobs (hash, size) VALUES (:hash, :size) ON CONFLICT (hash) DO UPDATE SET unused_at = NULL;

-- name: link_blob
INSERT INTO item_blobs (iid, path, hash) VALUES (:iid, :path, :hash);
