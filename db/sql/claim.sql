-- Claims the first of `:workers` (ids in order of preference) who still can be sent, passing over rows that another
-- dispatcher holds just now. By key, not by KNN: locking under the KNN index fails on PostgreSQL before 15.20.
WITH wanted AS MATERIALIZED (
    SELECT worker_id, preference FROM unnest(CAST(:workers AS bigint[])) WITH ORDINALITY AS t(worker_id, preference)
), taken AS MATERIALIZED (
    SELECT r.worker_id
    FROM wanted AS t
    JOIN responder AS r ON r.worker_id = t.worker_id
    WHERE r.on_duty AND r.load < r.cap AND r.load < :cap
    ORDER BY t.preference
    LIMIT 1
    FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE responder AS r
SET load = r.load + 1, updated_at = :now
FROM taken
WHERE r.worker_id = taken.worker_id
RETURNING r.worker_id
