-- What households asked for, the urgent first and then whoever waits longest. That a need is closed is said by its
-- incident.
SELECT n.id, n.visit_id, n.class_code, c.name AS class_name, n.text, n.urgency,
    need_status(n.status, i.is_open) AS status, b.code AS building_code, b.name AS building_name,
    h.code AS household_code, h.unit, h.room, h.head_name AS head_full_name, v.grid_code, g.name AS grid_name,
    v.visited_at, w.full_name AS worker_full_name, i.no AS incident_no, i.status AS incident_status, n.decided_by,
    n.decided_at, n.opinion
FROM need AS n
JOIN visit AS v ON v.id = n.visit_id
JOIN incident_class AS c ON c.code = n.class_code
JOIN building AS b ON b.id = v.building_id
JOIN grid AS g ON g.code = v.grid_code
LEFT JOIN household AS h ON h.id = v.household_id
LEFT JOIN worker AS w ON w.id = v.worker_id
LEFT JOIN incident AS i ON i.id = n.incident_id
WHERE (CAST(:grids AS text[]) IS NULL OR v.grid_code = ANY (CAST(:grids AS text[])))
    AND (CAST(:statuses AS text[]) IS NULL OR need_status(n.status, i.is_open) = ANY (CAST(:statuses AS text[])))
    AND (CAST(:need_id AS bigint) IS NULL OR n.id = :need_id)
    AND (CAST(:visit_ids AS bigint[]) IS NULL OR n.visit_id = ANY (CAST(:visit_ids AS bigint[])))
ORDER BY n.status = 'gathered' DESC, array_position(ARRAY['urgent', 'soon', 'ordinary'], n.urgency),
    CASE WHEN n.status = 'gathered' THEN v.visited_at END, n.decided_at DESC, n.id
LIMIT :limit
