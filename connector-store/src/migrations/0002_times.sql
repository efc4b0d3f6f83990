-- Lists are searched by when a connector was registered and changed last: RFC 3339 in UTC, whole seconds.
ALTER TABLE connectors ADD COLUMN created TEXT GENERATED ALWAYS AS (document ->> '$.created') VIRTUAL;
ALTER TABLE connectors ADD COLUMN updated TEXT GENERATED ALWAYS AS (document ->> '$.updated') VIRTUAL;
CREATE INDEX connectors_by_created ON connectors (created, name);
CREATE INDEX connectors_by_updated ON connectors (updated, name);
