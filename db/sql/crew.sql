-- Who is on the way to an incident or at work there, the lead first.
SELECT a.id, a.slot, a.worker_id, coalesce(w.code, '') AS worker_code, coalesce(mask_name(w.full_name), '') AS worker_name,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name,
    CASE WHEN app_reads_personal() THEN w.full_phone END AS worker_full_phone,
    coalesce(w.post, '') AS post, a.status, a.distance_m, a.eta_s, a.dispatched_at, a.acknowledge_by, a.acknowledged_at,
    a.arrived_at, a.is_override, a.reason
FROM assignment AS a
LEFT JOIN worker AS w ON w.id = a.worker_id
WHERE a.incident_id = :incident_id AND a.ended_at IS NULL
ORDER BY a.slot
