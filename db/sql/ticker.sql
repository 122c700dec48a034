-- The latest steps of all incidents in scope.
SELECT i.no, mask_numbers(i.title) AS title, i.severity, s.action, s.to_status, s.at, s.actor_name, g.name AS grid_name
FROM incident_step AS s
JOIN incident AS i ON i.id = s.incident_id
JOIN grid AS g ON g.code = i.grid_code
ORDER BY s.id DESC
LIMIT :limit
