-- What an incident asks for: its place, its class's skills, and its grids, finest first.
WITH RECURSIVE chain AS (
    SELECT g.id, g.code, g.parent_code, 0 AS height
    FROM incident AS i JOIN grid AS g ON g.code = i.grid_code
    WHERE i.no = :no
    UNION ALL
    SELECT g.id, g.code, g.parent_code, c.height + 1 FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
)
SELECT i.id, i.no, i.class_code, c.skills, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
    ARRAY(SELECT code FROM chain ORDER BY height) AS codes, ARRAY(SELECT id FROM chain ORDER BY height) AS ids,
    d.metric_srid AS srid,
    ARRAY(
        SELECT DISTINCT a.worker_id FROM assignment AS a
        WHERE a.incident_id = i.id AND a.status IN ('refused', 'timed_out', 'handed_over')
            AND a.dispatched_at >= coalesce(i.accepted_at, i.reported_at)
        ORDER BY a.worker_id
    ) AS declined,
    ARRAY(SELECT a.worker_id FROM assignment AS a WHERE a.incident_id = i.id AND a.ended_at IS NULL) AS sent
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
CROSS JOIN deployment AS d
WHERE i.no = :no
