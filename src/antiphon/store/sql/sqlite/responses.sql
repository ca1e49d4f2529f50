-- name: insert_response
-- A hidden response is nobody's ancestor; a deleted one still is, for a run that had begun before.
INSERT INTO responses (
    rid, id, tenant, parent, conversation, tick, hidden, ended, lifetime, gone_at,
    input_first, input_count, output_first, output_count, body
) VALUES (
    :rid, :id, :tenant,
    (SELECT rid FROM responses WHERE id = :parent AND tenant = :tenant AND NOT hidden),
    :conversation, :tick, :hidden, :ended, :lifetime, :gone_at,
    :input_first, :input_count, :output_first, :output_count, :body
);

-- name: update_response
UPDATE responses SET body = :body WHERE id = :id AND tenant = :tenant AND NOT ended;

-- name: response_to_end
SELECT rid, input_first, input_count FROM responses WHERE id = :id AND tenant = :tenant AND NOT ended;

-- name: end_response
UPDATE responses
SET
    ended = 1, body = :body, output_first = :output_first, output_count = :output_count,
    gone_at = coalesce(gone_at, :now + lifetime)
WHERE rid = :rid;

-- name: get_response
SELECT body, output_first, output_count
FROM responses
WHERE id = :id AND tenant = :tenant AND (gone_at IS NULL OR gone_at > :now);

-- name: delete_response
UPDATE responses SET gone_at = :now
WHERE id = :id AND tenant = :tenant AND (gone_at IS NULL OR gone_at > :now);

-- name: chain
-- A parent is older than its child, so the row numbers are the order of the chain.
WITH RECURSIVE chain (rid, parent, conversation, tick, input_first, input_count, output_first, output_count) AS (
    SELECT rid, parent, conversation, tick, input_first, input_count, output_first, output_count
    FROM responses
    WHERE id = :id AND tenant = :tenant AND NOT hidden AND (gone_at IS NULL OR gone_at > :now)
    UNION ALL
    SELECT
        r.rid, r.parent, r.conversation, r.tick,
        r.input_first, r.input_count, r.output_first, r.output_count
    FROM chain CROSS JOIN responses AS r ON r.rid = chain.parent
)
SELECT conversation, tick, input_first, input_count, output_first, output_count FROM chain ORDER BY rid;

-- name: unfinished_responses
SELECT tenant, body FROM responses WHERE ended = 0 AND gone_at IS NULL ORDER BY rid;
