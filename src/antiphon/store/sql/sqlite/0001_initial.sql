-- Row numbers (rid, cid, iid) are internal; the ids that clients see are text beside them.
-- Times are Unix seconds. A `tick` counts the changes of one conversation.

CREATE TABLE conversations (
    cid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    tick INTEGER NOT NULL DEFAULT 0,
    deleted_at REAL,
    lock_owner TEXT,
    lock_until REAL,
    lock_tick INTEGER, -- what the owner of the lock saw
    body BLOB NOT NULL
) STRICT;

CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

-- A response's own items are two runs of consecutive iids; what came before it is reached through `parent`
-- or through `conversation` as of `tick`, never copied. `gone_at` is when it is no longer found (deleted or
-- expired); NULL while it is unfinished, or kept as long as its conversation.
-- `body` stands last so that walking a chain does not read it.
CREATE TABLE responses (
    rid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    parent INTEGER REFERENCES responses (rid),
    conversation INTEGER REFERENCES conversations (cid),
    tick INTEGER,
    hidden INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    lifetime REAL,
    gone_at REAL,
    input_first INTEGER NOT NULL,
    input_count INTEGER NOT NULL,
    output_first INTEGER NOT NULL DEFAULT 0,
    output_count INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX responses_parent ON responses (parent) WHERE parent IS NOT NULL;
CREATE INDEX responses_conversation ON responses (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX responses_gone ON responses (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX responses_unfinished ON responses (rid) WHERE ended = 0;

-- `rid` is the response that made or brought the item; NULL where only conversations hold it.
-- `spilled` counts its strings that live in blobs; in `body` they are "".
CREATE TABLE items (
    iid INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    rid INTEGER,
    spilled INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX items_id ON items (tenant, id);

-- `place` and `removed` are ticks, so a response that saw tick t saw the places below t that were not
-- removed before t.
CREATE TABLE conversation_items (
    cid INTEGER NOT NULL REFERENCES conversations (cid),
    place INTEGER NOT NULL,
    iid INTEGER NOT NULL REFERENCES items (iid),
    removed INTEGER,
    removed_at REAL,
    PRIMARY KEY (cid, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversation_items_item ON conversation_items (iid);
CREATE INDEX conversation_items_removed ON conversation_items (removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE blobs (
    hash TEXT PRIMARY KEY, -- SHA-256 of the UTF-8 text, hexadecimal
    size INTEGER NOT NULL,
    unused_at REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_unused ON blobs (unused_at) WHERE unused_at IS NOT NULL;

-- `path` is where the string belongs in the item: a JSON array of keys and indexes.
CREATE TABLE item_blobs (
    iid INTEGER NOT NULL REFERENCES items (iid),
    path TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES blobs (hash),
    PRIMARY KEY (iid, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX item_blobs_hash ON item_blobs (hash);

CREATE TABLE usage (blob_bytes INTEGER NOT NULL) STRICT;

INSERT INTO usage VALUES (0);

CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN
    UPDATE usage SET blob_bytes = blob_bytes + new.size;
END;

CREATE TRIGGER blob_dropped AFTER DELETE ON blobs BEGIN
    UPDATE usage SET blob_bytes = blob_bytes - old.size;
END;

-- One flush of a response's log is one row: events `first` to `last`.
CREATE TABLE event_batches (
    rid INTEGER NOT NULL REFERENCES responses (rid) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (rid, first)
) STRICT;

CREATE TABLE keys (
    purpose TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (purpose, key_id)
) STRICT, WITHOUT ROWID;
