-- When a key is to have another value (src/admin/rotate.c); NULL: never.  Of those that asked for it before somebody counted it is not known: 0, and counted from the first look.
ALTER TABLE sluice_key ADD COLUMN rotates_at INTEGER;
CREATE INDEX sluice_key_rotates ON sluice_key (rotates_at) WHERE rotates_at IS NOT NULL;
UPDATE sluice_key SET rotates_at = 0 WHERE doc LIKE '%"auto_rotate":true%';
