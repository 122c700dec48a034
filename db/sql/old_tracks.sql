-- Deletes some of each worker's positions from before an instant. Workers are found, and their oldest positions, by
-- leaps along the key: the table is never read through.
WITH RECURSIVE tracked AS (
    (SELECT p.worker_id FROM track_point AS p ORDER BY p.worker_id LIMIT 1)
    UNION ALL
    SELECT (SELECT p.worker_id FROM track_point AS p WHERE p.worker_id > t.worker_id ORDER BY p.worker_id LIMIT 1)
    FROM tracked AS t
    WHERE t.worker_id IS NOT NULL
), old AS (
    SELECT t.worker_id, o.at
    FROM tracked AS t
    CROSS JOIN LATERAL (
        SELECT p.at FROM track_point AS p
        WHERE p.worker_id = t.worker_id AND p.at < :before
        ORDER BY p.at
        LIMIT :most
    ) AS o
)
DELETE FROM track_point AS p
USING old AS o
WHERE p.worker_id = o.worker_id AND p.at = o.at
