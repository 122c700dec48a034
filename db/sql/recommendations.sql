-- The recommendations kept for an incident, newest first, each with the codes of those whom it sent, the lead first.
SELECT r.made_at, r.made_for, r.policy_id, r.candidates, r.excluded, r.shortfall, r.shortfalls,
    ARRAY(
        SELECT w.code FROM assignment AS a JOIN worker AS w ON w.id = a.worker_id
        WHERE a.incident_id = r.incident_id AND a.recommendation_id = r.id
        GROUP BY w.code
        ORDER BY min(a.slot), w.code
    ) AS sent
FROM recommendation AS r
JOIN incident AS i ON i.id = r.incident_id
WHERE i.no = :no
ORDER BY r.made_at DESC, r.id DESC
LIMIT :limit
