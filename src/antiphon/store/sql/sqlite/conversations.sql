-- name: insert_conversation
INSERT INTO conversations (id, tenant, body) VALUES (:id, :tenant, :body);

-- name: get_conversation
SELECT cid, tick, body FROM conversations WHERE id = :id AND tenant = :tenant AND deleted_at IS NULL;

-- name: conversation_seen
-- What a response that is accepted now sees: since its lock, where it holds one.
SELECT cid, iif(lock_owner = :response, lock_tick, tick), deleted_at IS NULL
FROM conversations
WHERE id = :id AND tenant = :tenant;

-- name: set_conversation
UPDATE conversations SET body = :body WHERE cid = :cid;

-- name: delete_conversation
UPDATE conversations SET deleted_at = :now WHERE cid = :cid;

-- name: expire_responses_of_conversation
UPDATE responses
SET lifetime = :ttl, gone_at = iif(ended, :now + :ttl, NULL)
WHERE conversation = :cid AND lifetime IS NULL AND gone_at IS NULL;

-- name: reserve_places
UPDATE conversations SET tick = tick + :count
WHERE id = :id AND tenant = :tenant AND deleted_at IS NULL
RETURNING cid, tick - :count;

-- name: insert_places
INSERT INTO conversation_items (cid, place, iid) SELECT :cid, :place + key, value FROM json_each(:iids);

-- name: conversation_as_of
SELECT iid FROM conversation_items
WHERE cid = :cid AND place < :tick AND (removed IS NULL OR removed >= :tick)
ORDER BY place;

-- name: conversation_entries
SELECT i.id, l.iid, l.removed IS NULL
FROM conversation_items AS l CROSS JOIN items AS i ON i.iid = l.iid
WHERE l.cid = :cid
ORDER BY l.place;

-- name: places_of_item
SELECT l.place, l.iid
FROM items AS i CROSS JOIN conversation_items AS l ON l.iid = i.iid
WHERE i.tenant = :tenant AND i.id = :item AND l.cid = :cid AND l.removed IS NULL
ORDER BY l.place DESC;

-- name: remove_place
UPDATE conversation_items SET removed = :tick, removed_at = :now WHERE cid = :cid AND place = :place;

-- name: lock_conversation
UPDATE conversations
SET
    lock_tick = iif(lock_owner = :owner AND lock_until > :now, lock_tick, tick),
    lock_owner = :owner,
    lock_until = :until
WHERE id = :id AND tenant = :tenant AND deleted_at IS NULL
    AND (lock_owner IS NULL OR lock_owner = :owner OR lock_until <= :now);

-- name: unlock_conversation
UPDATE conversations SET lock_owner = NULL, lock_until = NULL, lock_tick = NULL
WHERE id = :id AND tenant = :tenant AND lock_owner = :owner;

-- name: unlock_all_conversations
UPDATE conversations SET lock_owner = NULL, lock_until = NULL, lock_tick = NULL WHERE lock_owner IS NOT NULL;
