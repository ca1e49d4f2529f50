-- name: gone_responses
-- Without those that were stripped before and are still needed.
SELECT gone_at, rid FROM responses AS r
WHERE gone_at <= :cutoff AND (gone_at, rid) > (:gone_at, :rid)
    AND NOT (length(body) = 0 AND EXISTS (SELECT 1 FROM responses AS child WHERE child.parent = r.rid))
ORDER BY gone_at, rid
LIMIT :limit;

-- name: gone_response
SELECT
    parent, input_first, input_count, output_first, output_count,
    EXISTS (SELECT 1 FROM responses AS child WHERE child.parent = r.rid)
FROM responses AS r
WHERE rid = :rid AND gone_at <= :cutoff;

-- name: strip_response
-- An ancestor that is no longer found is needed for its items only.
UPDATE responses SET body = x'' WHERE rid = :rid AND length(body) > 0;

-- name: strip_log
DELETE FROM event_batches WHERE rid = :rid;

-- name: drop_response
DELETE FROM responses WHERE rid = :rid;

-- name: leave_items
-- Items that a conversation holds outlive their response.
UPDATE items SET rid = NULL WHERE iid BETWEEN :first AND :last;

-- name: unused_items
SELECT iid, spilled FROM items AS i
WHERE iid BETWEEN :first AND :last AND rid IS NULL
    AND NOT EXISTS (SELECT 1 FROM conversation_items AS l WHERE l.iid = i.iid);

-- name: hashes_of_item
SELECT hash FROM item_blobs WHERE iid = :iid;

-- name: unlink_blobs
DELETE FROM item_blobs WHERE iid = :iid;

-- name: mark_unused_blob
UPDATE blobs SET unused_at = :now
WHERE hash = :hash AND NOT EXISTS (SELECT 1 FROM item_blobs AS l WHERE l.hash = blobs.hash);

-- name: drop_item
DELETE FROM items WHERE iid = :iid;

-- name: dead_conversations
SELECT cid FROM conversations AS c
WHERE deleted_at <= :cutoff AND NOT EXISTS (SELECT 1 FROM responses AS r WHERE r.conversation = c.cid)
LIMIT :limit;

-- name: dead_conversation
SELECT 1 FROM conversations AS c
WHERE cid = :cid AND NOT EXISTS (SELECT 1 FROM responses AS r WHERE r.conversation = c.cid);

-- name: places_of_conversation
SELECT iid FROM conversation_items WHERE cid = :cid;

-- name: drop_places
DELETE FROM conversation_items WHERE cid = :cid;

-- name: drop_conversation
DELETE FROM conversations WHERE cid = :cid;

-- name: dead_places
-- Removed, and seen by no response that is still there.
SELECT cid, place FROM conversation_items AS l
WHERE removed_at <= :cutoff AND NOT EXISTS (
    SELECT 1 FROM responses AS r WHERE r.conversation = l.cid AND r.tick > l.place AND r.tick <= l.removed
)
LIMIT :limit;

-- name: drop_place
DELETE FROM conversation_items WHERE cid = :cid AND place = :place AND removed IS NOT NULL RETURNING iid;

-- name: unused_blobs
SELECT hash FROM blobs WHERE unused_at <= :cutoff LIMIT :limit;

-- name: drop_unused_blob
DELETE FROM blobs
WHERE hash = :hash AND unused_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM item_blobs AS l WHERE l.hash = blobs.hash);

-- name: known_blob
SELECT 1 FROM blobs WHERE hash = :hash;
