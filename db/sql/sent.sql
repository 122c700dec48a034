-- Everybody who was sent to an incident, in order; names in full for those who may read them.
SELECT CASE WHEN app_reads_personal() THEN w.full_name ELSE mask_name(w.full_name) END AS worker_name,
    w.code AS worker_code, a.status, a.distance_m, a.dispatched_at, a.acknowledged_at, a.arrived_at, a.ended_at,
    a.is_override, a.reason
FROM assignment AS a
JOIN incident AS i ON i.id = a.incident_id
LEFT JOIN worker AS w ON w.id = a.worker_id
WHERE i.no = :no
ORDER BY a.id
