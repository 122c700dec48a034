-- What an incident's own facts say about its next step.
SELECT i.is_supervised, c.needs_check, i.confirmed_at IS NOT NULL AS is_confirmed,
    EXISTS (SELECT FROM incident AS part WHERE part.parent_id = i.id AND part.is_open) AS has_open_part,
    EXISTS (SELECT FROM incident AS whole WHERE whole.id = i.parent_id AND whole.status = 'closed') AS is_part_of_closed,
    i.suspensions, i.extensions, i.department_code IS NOT NULL AS is_departments,
    EXISTS (SELECT FROM incident AS same WHERE same.merged_into = i.id) AS has_duplicates,
    EXISTS (SELECT FROM extension_request AS e WHERE e.incident_id = i.id AND e.decided_by IS NULL) AS is_extension_asked,
    coalesce(i.resolved_at, i.closed_at) > i.settle_by IS TRUE AS was_late, a.id IS NOT NULL AS has_appeal,
    a.id IS NOT NULL AND a.first_granted IS DISTINCT FROM false AND a.second_granted IS NULL AS is_appeal_open
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
LEFT JOIN appeal AS a ON a.incident_id = i.id
WHERE i.id = :incident_id
