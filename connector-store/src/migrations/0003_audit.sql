-- Each record is linked to the one before it, and its link is sealed with a key that is not in the database
-- in clear. Records that were written before have neither.
ALTER TABLE audit ADD COLUMN link BLOB;
ALTER TABLE audit ADD COLUMN mac BLOB;
-- The latest version that the audit knows of a connector: an older document was put back from outside.
CREATE INDEX audit_by_version ON audit (connector_id, version);

-- The key of the audit, at most one, sealed by the master key of this id.
CREATE TABLE audit_key (
    only_one INTEGER PRIMARY KEY NOT NULL DEFAULT 1 CHECK (only_one = 1),
    key_id   TEXT NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;
