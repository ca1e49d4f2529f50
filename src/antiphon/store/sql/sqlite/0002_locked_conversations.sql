-- A start frees every conversation that a killed process had taken.
CREATE INDEX conversations_locked ON conversations (cid) WHERE lock_owner IS NOT NULL;
