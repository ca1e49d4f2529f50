-- name: response_of_log
SELECT rid FROM responses WHERE id = :id AND NOT ended;

-- name: last_event
SELECT last FROM event_batches WHERE rid = :rid ORDER BY first DESC LIMIT 1;

-- name: insert_batch
INSERT INTO event_batches (rid, first, last, body) VALUES (:rid, :first, :last, :body);

-- name: readable_log
SELECT rid, EXISTS (SELECT 1 FROM event_batches AS b WHERE b.rid = r.rid)
FROM responses AS r
WHERE id = :id AND tenant = :tenant AND (gone_at IS NULL OR gone_at > :now);

-- name: read_batches
-- From the batch that holds the event after :after; batches do not overlap.
SELECT first, last, body FROM event_batches
WHERE rid = :rid AND first >= coalesce(
    (SELECT max(first) FROM event_batches WHERE rid = :rid AND first <= :after + 1), 0
)
ORDER BY first;
